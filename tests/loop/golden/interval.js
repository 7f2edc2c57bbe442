// SPDX-License-Identifier: MIT
// An interval's beat and the immediate that each beat asks for take turns.
const words = [];
const say = (word) => () => words.push(word);
process.on('exit', () => console.log(words.join(' ')));

let beats = 0;
const interval = setInterval(() => {
  say('beat')();
  setImmediate(say('immediate'));
  if (++beats === 3) clearInterval(interval);
}, 1);
