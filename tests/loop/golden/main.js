// SPDX-License-Identifier: MIT
// What comes before the loop turns at all? What the main script queued: ticks, then microtasks.
const words = [];
const say = (word) => () => words.push(word);
process.on('exit', () => console.log(words.join(' ')));

say('begin')();
setImmediate(say('immediate'));
queueMicrotask(() => {
  say('micro1')();
  process.nextTick(say('tick3'));
  queueMicrotask(say('micro3'));
});
Promise.resolve().then(say('micro2'));
process.nextTick(() => {
  say('tick1')();
  process.nextTick(say('tick2'));
  queueMicrotask(say('micro4'));
});
say('end')();
