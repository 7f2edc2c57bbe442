// A program in three steps: it does nothing, then it listens, then it asks for a file's size. After
// each step it says which threads it has, as the kernel lists them. The calls that end in Sync need
// no other thread: whoever calls them makes the system call.
'use strict';
const fs = require('fs');
const net = require('net');

const say = (...words) => fs.writeSync(1, words.join(' ') + '\n');
const now = () => process.hrtime.bigint();  // ns, the clock that the kernel's records have
const pause = () => new Promise((resolve) => setTimeout(resolve, 400));
const list = (step) => say('threads', step, now(), ...fs.readdirSync('/proc/self/task'));

async function main() {
  await pause();
  list('idle');

  const server = net.createServer().listen(0, '127.0.0.1');
  await pause();
  list('listen');

  const called = now();
  fs.stat(__filename, () => {
    say('callback', fs.readlinkSync('/proc/thread-self'));  // PID/task/TID of who runs this
    say('round', 'stat', called, now());
  });
  await pause();
  list('stat');
  server.close();
}

main();
