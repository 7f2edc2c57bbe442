// SPDX-License-Identifier: MIT
// How long does a frame of the timeline's page take? The window pans and zooms by a step a frame,
// from the whole recording down to a thousandth of it. Prints the page's own drawing, and the time
// from frame to frame, which has the browser's share; and how much of that the page's main thread
// was on a core, and how long it waited for one because of whatever else the machine did.
import {readdirSync, readFileSync} from 'node:fs';

const frames = 100;

// The renderer below process `ancestor` that was on a core for longest: ours, as there is one page.
function rendererBelow(ancestor) {
  const parent = pid => Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
  const below = pid => pid > 1 && (pid === ancestor || below(parent(pid)));
  const fits = pid => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer') && below(pid);
    } catch {
      return false;  // it has ended meanwhile
    }
  };
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number).filter(fits)
    .sort((a, b) => scheduled(b).oncpu - scheduled(a).oncpu)[0];
}

// ms of a process's main thread, as the kernel counts them.
function scheduled(pid) {
  const [oncpu, waited] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ').map(ns => ns / 1e6);
  return {oncpu, waited};
}

const ways = {
  'all of it': 'd * (0.05 + 0.05 * Math.sin(n / 9)), d * (0.95 + 0.05 * Math.sin(n / 9))',
  'in and out': 'd * (0.5 - 0.5 * Math.exp(-6 * Math.abs(Math.sin(n / 25)))), d * (0.5 + 0.5 * Math.exp(-6 * Math.abs(Math.sin(n / 25))))',
  'a third': 'd * (0.2 + n / 1000), d * (0.5 + n / 1000)',
  'a tenth': 'd * (0.2 + n / 1000), d * (0.3 + n / 1000)',
  'a thirtieth': 'd * (0.2 + n / 1000), d * (0.23 + n / 1000)',
  'a thousandth': 'd * (0.2 + n / 1e5), d * (0.201 + n / 1e5)',
};

export async function bench(browser) {
  const renderer = rendererBelow(browser.driver.child.pid);
  for (const [name, window] of Object.entries(ways)) {
    const before = scheduled(renderer);
    const [drawn, gaps] = await browser.run(`const t = window.timeslice, d = t.facts().duration_ns;
      return new Promise(done => {
        let n = 0, last = performance.now();
        const gaps = [];
        const step = () => {
          const now = performance.now();
          gaps.push(now - last);
          last = now;
          if (++n > ${frames}) { done([t.frameTimes.slice(-${frames}), gaps.slice(2)]); return; }
          t.setView(${window});
          requestAnimationFrame(step);
        };
        requestAnimationFrame(step);
      })`);
    const after = scheduled(renderer), each = key => ((after[key] - before[key]) / frames).toFixed(1);
    console.log(`     ${name.padEnd(13)} a frame ${each('oncpu')} ms on CPU, ${each('waited')} ms waiting for one; drawing ${spread(drawn)}; frame to frame ${spread(gaps)}`);
  }
  await browser.run('window.timeslice.setView(0, window.timeslice.facts().duration_ns)');
  await browser.settle();
}

function spread(values) {
  const sorted = [...values].sort((a, b) => a - b), at = share => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return `median ${at(0.5).toFixed(1)}, 95 % ${at(0.95).toFixed(1)}, max ${at(1).toFixed(1)} ms`;
}
