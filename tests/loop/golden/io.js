// SPDX-License-Identifier: MIT
// After a file operation: which is first, a timeout of nothing or an immediate?
const words = [];
const say = (word) => () => words.push(word);
process.on('exit', () => console.log(words.join(' ')));

require('fs').stat('/', () => {
  setTimeout(say('timeout'), 0);
  setImmediate(say('immediate'));
  queueMicrotask(say('micro'));
  process.nextTick(say('tick'));
  say('stat')();
});
