// A timer that is to run every 10 ms; meanwhile one callback computes for a while, and later another
// one waits as long with await.
'use strict';
const BLOCK_MS = Number(process.argv[2]);

const now = () => process.hrtime.bigint();  // ns, the clock that the kernel's records have
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Without making garbage, as collecting it would be the work of several threads.
function compute(ms) {
  let sum = 0;
  for (const end = performance.now() + ms; performance.now() < end;)
    for (let i = 0; i < 100000; ++i) sum = (sum * 31 + i) | 0;
  return sum;
}

const lines = [['pid', process.pid]];  // printed at the end, for printing takes time
const ticks = [];

async function part(name, work) {
  const began = now();
  await work();
  lines.push(['part', name, began, now()]);
  await pause(BLOCK_MS + 100);
}

async function main() {
  const timer = setInterval(() => ticks.push(now()), 10);
  await pause(100);
  await part('calm', () => pause(BLOCK_MS));
  await part('compute', () => compute(BLOCK_MS));
  await part('await', () => pause(BLOCK_MS));
  clearInterval(timer);
  for (const line of [...lines, ['ticks', ...ticks]]) console.log(line.join(' '));
}

main();
