// SPDX-License-Identifier: MIT
// Blocks its loop in functions that it knows, and says afterwards when and in which: one line of
// JSON for each block. What looks at the process meanwhile has to find the same.
//   node js_blocks.js ROUNDS MS KIND,...|all main|worker    blocks of about MS each, in that thread
// It says "ready TID" first, with that thread's, and waits for a line.
'use strict';
const childProcess = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const { Worker, isMainThread, parentPort } = require('worker_threads');
const zlib = require('zlib');
const [rounds, ms] = process.argv.slice(2, 4).map(Number);
const chosen = process.argv[4] === 'all' ? null : process.argv[4].split(',');
const source = fs.readFileSync(__filename, 'latin1');
const until = () => Date.now() + ms;

// -- what blocks. Each kind is found by its function's text, so its lines are known.
function countInALoop() {
  const end = until();
  let sum = 0;
  while (Date.now() < end) {  // hot
    for (let i = 0; i < 1000; ++i) sum = (sum * 31 + i) | 0;  // hot
  }
  return sum;
}
function callsCounting() { return 1 + countInALoop(); }
function callsItTwiceRemoved() { return 1 + callsCounting(); }

function mixIn(hash, value) { return (hash * 33 + value) | 0; }
function inlinesTheMixing() {
  const end = until();
  let hash = 1;
  do {
    for (let i = 0; i < 3e5; ++i) hash = mixIn(hash, i);
  } while (Date.now() < end);
  return hash;
}

function fibonacci(n) {
  if (n < 2) return n;
  return fibonacci(n - 1) + fibonacci(n - 2);
}
function descend(depth) { return depth > 0 ? descend(depth - 1) + 1 : countInALoop(); }

class Ledger {
  #entries = new Map();
  bookEntries() {
    const end = until();
    for (let n = 0; Date.now() < end; ++n) this.#entries.set(n % 1000, n);  // hot
    return this.#entries.size;
  }
  static rebuildAll() {
    const end = until();
    let text = '';
    while (Date.now() < end) text = text.length > 1000 ? '' : text + 'x';  // hot
    return text;
  }
  get slowTotal() {
    const end = until();
    let total = 0;
    while (Date.now() < end) total += this.#entries.size + 1;  // hot
    return total;
  }
}

const rows = Array.from({ length: 40000 }, (_, i) => ({ id: i, name: 'n' + i, tags: [i, i + 1] }));
const text = JSON.stringify(rows);
const noise = crypto.randomBytes(2e6);
const shuffled = rows.map((row) => (row.id * 7919) % rows.length);
const shared = new Int32Array(new SharedArrayBuffer(4));
function repeat(work) {
  const end = until();
  let sum = 0;
  do sum += work(); while (Date.now() < end);
  return sum;
}
function parseText() { return JSON.parse(text).length; }
function stringifyRows() { return JSON.stringify(rows).length; }
function backtrack() { return /^(a+)+$/.test('aaaaaaaaaaaaaaaaaaaaa!') ? 1 : 0; }
function derivePassword() { return crypto.pbkdf2Sync('secret', 'salt', 30000, 64, 'sha512').length; }
function compressNoise() { return zlib.gzipSync(noise).length; }
function readWholeFile() { return fs.readFileSync(process.execPath).length; }
function runCommand() { return childProcess.execSync('sleep ' + ms / 1000).length; }
function waitForNobody() { return Atomics.wait(shared, 0, 0, ms).length; }
function sortThem() { return shuffled.slice().sort(function compareTwo(a, b) { return a - b; })[0]; }
function mapThem() { return rows.map((row) => row.id * 2).length; }
function listFolder() { return fs.readdirSync('/usr/lib').length; }
function copyText() { return noise.toString('base64').length; }
function listKeys() { return rows.reduce((sum, row) => sum + Object.keys(row).length, 0); }
function makeGarbage() {
  const end = until();
  let kept = [];
  while (Date.now() < end) {
    kept.push({ list: new Array(20).fill(kept.length), name: 'x' + kept.length });
    if (kept.length > 30000) kept = [];
  }
  return kept.length;
}
const evaluated = new Function('end', 'let n = 0; while (Date.now() < end) ++n; return n;');
const closures = [1, 2].map((step) => () => {
  const end = until();
  let sum = step;
  while (Date.now() < end) sum += step;  // hot
  return sum;
});
function* walkNumbers() {
  const end = until();
  for (let n = 0; Date.now() < end; ++n) if (n % 5000000 === 4999999) yield n;  // hot
}
async function afterAwait() {
  await null;
  const start = process.hrtime.bigint(), end = until();
  let sum = 0;
  while (Date.now() < end) ++sum;  // hot
  return [start, process.hrtime.bigint()];
}
// prettier-ignore
function minified(e){function t(e){for(var n=0,r=Date.now()+e;Date.now()<r;)n=n*31+e|0;return n}return function q(e){return t(e)}(e)}

// -- [kind, what it runs, the functions that may be innermost among this file's (names are of those
// within them), and those by which these are called]
const kinds = [
  ['nested', callsItTwiceRemoved, [countInALoop], [callsCounting]],
  ['inlined', inlinesTheMixing, [inlinesTheMixing, mixIn]],
  ['recursive', () => fibonacci(27 + (ms > 40)), [fibonacci]],
  ['deep', () => descend(400), [countInALoop], [descend]],
  ['method', () => new Ledger().bookEntries(), [Ledger.prototype.bookEntries]],
  ['static', () => Ledger.rebuildAll(), [Ledger.rebuildAll]],
  ['getter', () => new Ledger().slowTotal,
    [Object.getOwnPropertyDescriptor(Ledger.prototype, 'slowTotal').get]],
  ['parse', () => repeat(parseText), [parseText, repeat]],
  ['stringify', () => repeat(stringifyRows), [stringifyRows, repeat]],
  ['regexp', () => repeat(backtrack), [backtrack, repeat]],
  ['pbkdf2', () => repeat(derivePassword), [derivePassword, repeat]],
  ['gzip', () => repeat(compressNoise), [compressNoise, repeat]],
  ['read', () => repeat(readWholeFile), [readWholeFile, repeat]],
  ['exec', runCommand, [runCommand]],
  ['wait', waitForNobody, [waitForNobody]],
  ['sort', () => repeat(sortThem), [sortThem, repeat, 'compareTwo']],
  ['map', () => repeat(mapThem), [mapThem, repeat, '']],
  ['folder', () => repeat(listFolder), [listFolder, repeat]],
  ['base64', () => repeat(copyText), [copyText, repeat]],
  ['keys', () => repeat(listKeys), [listKeys, repeat, '']],
  ['garbage', makeGarbage, [makeGarbage]],
  ['evaluated', () => evaluated(until()), [evaluated, '']],
  ['closure', () => closures[1](), [closures[1]]],
  ['generator', () => [...walkNumbers()].length, [walkNumbers]],
  ['await', afterAwait, [afterAwait]],
  ['minified', () => minified(ms), [minified, 't', 'q']],
];

// Of the text evaluated, where that was done; or, since V8 forgets the bytecode of what ran only
// once, where what did it begins: this file.
function linesOf(work) {
  const text = work === evaluated ? 'new Function(' : work.toString();
  const first = source.slice(0, source.indexOf(text)).split('\n').length;
  const lines = text.split('\n').map((_, index) => first + index);
  return work === evaluated ? [1, ...lines] : lines;
}
// `lines`: of these functions, in one of which the innermost frame of this file is. `hot`: those of
// them in which nearly all of the time is spent, where some are marked. `callers`: where the thread
// is on its way there or back, which may take it some time: functions are compiled when they are
// called, the collector often begins after a block what that has brought about, and the thread may
// have to wait for a CPU.
const sourceLines = source.split('\n');
const lineMarked = (mark) => sourceLines.findIndex((line) => line.endsWith('// ' + mark)) + 1;
const runs = [lineMarked('runs it'), lineMarked('has run it')];
const blocks = [];
function note([kind, work, allowed, between = []], start, end) {
  const works = allowed.filter((work) => typeof work === 'function');
  const lines = works.flatMap(linesOf);
  const names = allowed.map((work) => (typeof work === 'function' ? work.name : work));
  blocks.push(JSON.stringify({ kind, start: Number(start), end: Number(end), lines,
    callers: runs.concat([work, ...between].flatMap(linesOf)),
    functions: names.concat(names.map((name) => name.replace(/^get /, ''))),
    hot: lines.filter((line) => sourceLines[line - 1].endsWith('// hot')) }));
  setTimeout(runNext, 5);
}

const todo = [];
for (let round = 0; round < rounds; ++round)
  for (const kind of kinds) if (!chosen || chosen.includes(kind[0])) todo.push(kind);
function runNext() {
  if (todo.length === 0) {
    fs.writeSync(1, blocks.join('\n') + '\nend\n');
    return;
  }
  const kind = todo.shift();
  const work = kind[1];
  const start = process.hrtime.bigint();
  const result = work();  // runs it
  const end = process.hrtime.bigint();  // has run it
  if (result instanceof Promise) result.then((span) => note(kind, ...span));
  else note(kind, start, end);
}

const threads = () => fs.readdirSync('/proc/self/task');
function startWorker() {
  const before = threads();
  const worker = new Worker(__filename, { argv: process.argv.slice(2) });
  worker.once('online', () => {
    const added = threads().filter((thread) => !before.includes(thread));
    fs.writeSync(1, `ready ${added[0]}\n`);
    process.stdin.once('data', () => {
      process.stdin.unref();
      worker.postMessage('start');
    });
  });
}
if (!isMainThread) {
  parentPort.once('message', () => setTimeout(runNext, 5));
} else if (process.argv[5] === 'worker') {
  startWorker();
} else {
  fs.writeSync(1, `ready ${process.pid}\n`);
  process.stdin.once('data', () => {
    process.stdin.unref();
    setTimeout(runNext, 5);
  });
}
