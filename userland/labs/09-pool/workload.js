// Gives the pool some jobs at once, all of the same size, and notes when each one's callback ran.
'use strict';
const crypto = require('crypto');
const [name, jobs, given] = process.argv.slice(2);

const now = () => process.hrtime.bigint();  // ns, the clock that the kernel's records have

// How many iterations take about 80 ms of CPU time? Tried on the main thread, before the pool is
// there.
function calibrate() {
  const tried = 20000;
  const before = process.cpuUsage();
  crypto.pbkdf2Sync('secret', 'salt', tried, 64, 'sha512');
  return Math.round((tried * 80e3) / process.cpuUsage(before).user);  // us
}

const iterations = Number(given) || calibrate();
const began = now();
const ends = [];
for (let job = 0; job < Number(jobs); ++job) {
  crypto.pbkdf2('secret', 'salt', iterations, 64, 'sha512', (error) => {
    if (error) throw error;
    ends.push(now());
    if (ends.length < Number(jobs)) return;
    console.log('iterations', iterations);
    console.log('round', name, String(began), String(now()));
    console.log('callbacks', name, process.pid, ends.join(' '));
  });
}
