// SPDX-License-Identifier: MIT
// Compares what `timeslice loop` says of a process's blocks with what the process itself says: a
// line of a table.
//   node blocks.js TIMESLICE NODE main|worker ROUNDS
'use strict';
const { spawn, execFileSync } = require('child_process');
const [timeslice, node, thread, rounds] = process.argv.slice(2);
const least = 50e6;  // ns

const lines = (stream, take) => {
  let text = '';
  stream.setEncoding('utf8').on('data', (more) => {
    const parts = (text + more).split('\n');
    text = parts.pop();
    parts.forEach(take);
  });
};
const seen = new Map();  // by thread and start: the last that was said of it
const truths = [];
let watcher;
const script = spawn(node, ['tests/live/js_blocks.js', rounds, '90', 'all', thread]);
lines(script.stdout, (line) => {
  if (line.startsWith('{')) truths.push(JSON.parse(line));
  if (!line.startsWith('ready')) return;
  watcher = spawn(timeslice, ['loop', '-p', script.pid, '--json', '-d', '0.25']);
  let refreshes = 0;
  lines(watcher.stdout, (object) => {
    for (const loop of JSON.parse(object).loops)
      for (const block of loop.blocks)
        if (block.ended) seen.set(`${loop.tid} ${block.start_ns}`, block);
    if (++refreshes === 4) script.stdin.write('go\n');
  });
  watcher.on('exit', report);
});

function report() {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  const first = Math.min(...truths.map((truth) => truth.start));
  const last = Math.max(...truths.map((truth) => truth.end));
  const overlap = (truth, block) =>
    Math.min(truth.end, block.start_ns + block.duration_ms * 1e6) -
    Math.max(truth.start, block.start_ns);
  const blocks = [...seen.values()];
  const long = truths.filter((truth) => truth.end - truth.start >= least);
  let found = 0, right = 0;
  const errors = [];
  for (const truth of long) {
    const best = blocks.reduce((a, b) => (!a || overlap(truth, b) > overlap(truth, a) ? b : a), null);
    if (!best || overlap(truth, best) < (truth.end - truth.start) / 2) continue;
    ++found;
    right += best.samples > 0 && truth.functions.includes(best.function ?? '') ? 1 : 0;
    errors.push(Math.abs(best.duration_ms - (truth.end - truth.start) / 1e6));
  }
  const invented = blocks.filter((block) =>
    block.start_ns > first && block.start_ns + block.duration_ms * 1e6 < last &&
    !truths.some((truth) => overlap(truth, block) > 0.5 * block.duration_ms * 1e6)).length;
  errors.sort((a, b) => a - b);
  const at = (share) => errors[Math.min(errors.length - 1, Math.floor(errors.length * share))];
  console.log(`| ${version} | ${thread} | ${long.length} | ${found} | ${right} | ` +
              `${at(0.5)?.toFixed(1)} ms (${at(0.9)?.toFixed(1)} ms) | ${invented} |`);
}
