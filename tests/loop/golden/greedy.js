// SPDX-License-Identifier: MIT
// Ticks and microtasks that queue more of their kind hold the loop until they are done.
const words = [];
const say = (word) => () => words.push(word);
process.on('exit', () => console.log(words.join(' ')));

const ticks = (left) => () => {
  say('tick' + left)();
  if (left > 0) process.nextTick(ticks(left - 1));
};
const micros = (left) => () => {
  say('micro' + left)();
  if (left > 0) queueMicrotask(micros(left - 1));
};
setImmediate(() => {
  say('immediate')();
  queueMicrotask(micros(2));
  process.nextTick(ticks(2));
});
setImmediate(say('next'));
