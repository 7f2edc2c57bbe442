// SPDX-License-Identifier: MIT
// Each await is one microtask, and so is each then.
const words = [];
const say = (word) => () => words.push(word);
process.on('exit', () => console.log(words.join(' ')));

const walk = async (name) => {
  say(name + 1)();
  await null;
  say(name + 2)();
  await null;
  say(name + 3)();
};
setImmediate(() => {
  walk('a');
  Promise.resolve().then(say('then1')).then(say('then2'));
  walk('b');
  process.nextTick(say('tick'));
});
