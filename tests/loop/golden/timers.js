// SPDX-License-Identifier: MIT
// Timers of one deadline fire in their order, and a timer may stop its neighbour. What the last one begins: the immediate is first.
const words = [];
const say = (word) => () => words.push(word);
process.on('exit', () => console.log(words.join(' ')));

let never;
setTimeout(() => {
  say('a')();
  queueMicrotask(say('a.micro'));
  process.nextTick(say('a.tick'));
  clearTimeout(never);
}, 1);
setTimeout(() => {
  say('b')();
  queueMicrotask(say('b.micro'));
  process.nextTick(say('b.tick'));
}, 1);
never = setTimeout(say('never'), 1);
setTimeout(() => {
  say('c')();
  setTimeout(say('timeout'), 0);
  setImmediate(say('immediate'));
}, 1);
