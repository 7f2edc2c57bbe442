// SPDX-License-Identifier: MIT
// A file operation begun by another one's callback ends after the immediates of that callback.
const words = [];
const say = (word) => () => words.push(word);
process.on('exit', () => console.log(words.join(' ')));

const { stat } = require('fs');
stat('/', () => {
  say('stat1')();
  stat('/', () => {
    say('stat2')();
    process.nextTick(say('tick'));
  });
  setImmediate(say('immediate'));
});
