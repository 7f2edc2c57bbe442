// Two programs. Both ask for callbacks, and say in which order these ran.
'use strict';
const fs = require('fs');
const { spawnSync } = require('child_process');

const say = (...words) => fs.writeSync(1, words.join(' ') + '\n');
const now = () => process.hrtime.bigint();
const thisThread = () => fs.readlinkSync('/proc/thread-self').split('/').pop();

// The first program: in the callback of readFile, four calls.
function first(whenDone) {
  const order = [];
  const threads = new Set();
  const ran = (name) => {
    threads.add(thisThread());
    if (order.push(name) < 5) return;
    say('inside', ...order);
    say('threads', process.pid, ...threads);
    whenDone();
  };
  fs.readFile(__filename, () => {
    setTimeout(ran, 0, 'timeout');
    setImmediate(ran, 'immediate');
    Promise.resolve('promise').then(ran);
    process.nextTick(ran, 'nextTick');
    ran('readFile');
  });
}

// The second program is a script of its own, for it is about what comes right after a main script.
// It computes for `ms` after its two calls.
const second = (ms) => `
  let first = true;
  const ran = (name) => { if (first) console.log(name); first = false; };
  setTimeout(ran, 0, 'timeout');
  setImmediate(ran, 'immediate');
  const end = process.hrtime.bigint() + ${ms * 1e6}n;
  while (process.hrtime.bigint() < end);
`;

function runSecond(ms) {
  const ran = spawnSync(process.execPath, ['-e', second(ms)], { encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(ran.stderr || 'the second program was ended');
  say('main', ms, ran.stdout.trim());
  return ran.stdout.trim();
}

const began = now();
first(() => first(() => first(() => {
  say('round', 'inside', began, now());
  const runs = Number(process.argv[2]);
  const seen = new Set();
  // A few more where all had the same order, for that may have been chance.
  for (let run = 0; run < runs || (seen.size < 2 && run < 3 * runs); ++run) seen.add(runSecond(0));
  for (let run = 0; run < 5; ++run) runSecond(2);
})));
