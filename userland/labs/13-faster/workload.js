// What makes a server faster? One with three routes is tried as it is, and with one thing changed
// at a time. The clients, and the other server that /feed asks, are in a process of their own.
'use strict';
const { fork } = require('child_process');
const cluster = require('cluster');
const { pbkdf2, pbkdf2Sync } = require('crypto');
const { once } = require('events');
const http = require('http');
const { Worker, isMainThread, parentPort } = require('worker_threads');

const say = (...words) => console.log(words.join(' '));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The work of a request: so many rounds, on this thread or on one of the pool.
const hash = ['password', 'salt'], what = [32, 'sha256'];
const computeHere = (rounds) => pbkdf2Sync(...hash, rounds, ...what);
const computeInPool = (rounds) => new Promise((resolve, reject) => {
  pbkdf2(...hash, rounds, ...what, (error) => error ? reject(error) : resolve());
});

function get(port, path) {
  return new Promise((resolve, reject) => {
    const options = { port, path, host: '127.0.0.1', agent: false };
    const request = http.get(options, (response) => {
      response.on('error', reject).resume().on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    request.on('error', reject);
  });
}

async function listen(handler) {
  const server = http.createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

// The server as it is.
function unchanged({ rounds, other }) {
  return {
    '/report': async () => computeHere(rounds),
    '/login': () => computeInPool(rounds),
    '/feed': () => get(other, '/'),
  };
}

// Heavy requests are handed to worker threads.
function withThreads(work, count) {
  const waiting = new Map(), threads = [];
  let last = 0;
  for (let i = 0; i < count; i++) {
    threads.push(new Worker(__filename, { argv: process.argv.slice(2) }));
    threads[i].on('message', (id) => {
      waiting.get(id)();
      waiting.delete(id);
    });
  }
  const inThread = () => new Promise((resolve) => {
    waiting.set(++last, resolve);
    threads[last % count].postMessage(last);
  });
  return { ...unchanged(work), '/report': inThread, '/login': inThread };
}
function beThread(work) {
  parentPort.on('message', (id) => {
    computeHere(work.rounds);
    parentPort.postMessage(id);
  });
}

async function beServer(work, threads) {
  process.title = 'lab-server';
  const routes = threads ? withThreads(work, threads) : unchanged(work);
  process.send(await listen(async (request, response) => {
    await routes[request.url]().catch(() => response.statusCode = 500);
    response.end();
  }));
}

function beManager(workers) {
  process.title = 'lab-server';
  let ready = 0;
  cluster.on('message', (worker, port) => ++ready === workers && process.send(port));
  for (let i = 0; i < workers; i++) cluster.fork();
}

// The clients: each sends its next request when it has the answer to the one before.
async function load(change, route, port, clients) {
  const latencies = [], warm = performance.now() + 200, end = warm + 1000;
  const window = [200, 1200].map((ms) => process.hrtime.bigint() + BigInt(ms * 1e6));
  const client = async () => {
    for (let begin; (begin = performance.now()) < end;) {
      const error = await get(port, '/' + route).catch((error) => error);
      if (error) {
        say('broken', change, route, error.message);
        return;
      }
      const now = performance.now();
      if (now >= warm && now < end) latencies.push(now - begin);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  say('load', change, route, ...window);
  say('latency', change, route, latencies.map((latency) => latency.toFixed(1)).join(' '));
  const shown = window[0] + BigInt(3e8);  // for the picture
  if (change === 'unchanged') say('round', route, shown, shown + BigInt(6e7));
}

// How many rounds does this machine do in so many ms? The quickest of some tries, since others may
// have had the CPU meanwhile.
function roundsIn(ms) {
  let quickest = Infinity;
  for (let i = 0; i < 12; i++) {
    const begin = performance.now();
    computeHere(5000);
    quickest = Math.min(quickest, performance.now() - begin);
  }
  return Math.round(5000 * ms / quickest);
}

async function beClients(ms, wait, pool, cpus, many) {
  process.title = 'lab-clients';
  const other = await listen((request, response) => setTimeout(() => response.end(), wait));
  const rounds = roundsIn(ms);
  const changes = {
    unchanged: {},
    pool: { pool },
    cluster: { workers: cpus },
    threads: { threads: cpus },
    many: { workers: many },
  };
  for (const [change, { pool = 4, workers = 0, threads = 0 }] of Object.entries(changes)) {
    const work = JSON.stringify({ rounds, other });
    const env = { ...process.env, UV_THREADPOOL_SIZE: pool };
    const server = fork(__filename, ['server', work, workers, threads], { env });
    const [port] = await once(server, 'message');
    for (const route of ['report', 'login', 'feed']) await load(change, route, port, 2 * many);
    server.disconnect();
    await once(server, 'exit');
    await sleep(100);  // until its workers have ended as well
  }
  process.exit();
}

if (process.argv[2] !== 'server') {
  beClients(...process.argv.slice(2).map(Number));
} else {
  const work = JSON.parse(process.argv[3]), [workers, threads] = process.argv.slice(4).map(Number);
  process.on('disconnect', () => process.exit());  // whoever started it has gone
  if (!isMainThread) beThread(work);
  else if (workers && cluster.isPrimary) beManager(workers);
  else beServer(work, threads);
}
