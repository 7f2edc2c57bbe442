// SPDX-License-Identifier: MIT
// An immediate that an immediate queues waits for the next turn; ticks and microtasks don't.
const words = [];
const say = (word) => () => words.push(word);
process.on('exit', () => console.log(words.join(' ')));

setImmediate(() => {
  say('a')();
  setImmediate(() => {
    say('c')();
    setImmediate(say('e'));
    process.nextTick(say('c.tick'));
  });
  queueMicrotask(say('a.micro'));
  process.nextTick(say('a.tick'));
});
setImmediate(() => {
  say('b')();
  setImmediate(say('d'));
  queueMicrotask(say('b.micro'));
});
