// SPDX-License-Identifier: MIT
// In a connection's callback a socket is destroyed: its close comes after the immediates of this turn, and before any timer.
const words = [];
const say = (word) => () => words.push(word);
process.on('exit', () => console.log(words.join(' ')));

const { mkdtempSync, rmSync } = require('fs');
const net = require('net');
const directory = mkdtempSync('/tmp/timeslice-golden-');
process.on('exit', () => rmSync(directory, { recursive: true }));
const server = net.createServer((socket) => {
  say('connection')();
  server.close();
  setTimeout(say('timeout'), 0);
  socket.on('close', () => {
    say('close')();
    queueMicrotask(say('close.micro'));
    process.nextTick(say('close.tick'));
  });
  socket.destroy();
  setImmediate(say('immediate'));
  process.nextTick(say('tick'));
});
server.listen(directory + '/socket', () => net.connect(directory + '/socket').on('error', () => {}));
