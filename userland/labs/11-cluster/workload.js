// How many workers should a server have? A manager (cluster) runs it with 1, with one for each CPU,
// and with four for each. Clients, in a process of their own, send requests at the same moments
// each time, whether or not the earlier ones have been answered.
'use strict';
const { fork } = require('child_process');
const cluster = require('cluster');
const { pbkdf2Sync } = require('crypto');
const { once } = require('events');
const http = require('http');

const say = (...words) => console.log(words.join(' '));
const now = () => process.hrtime.bigint();

// A request's work: so many rounds, however long they take. (A loop in JavaScript would take four
// times as long in a worker where V8 doesn't optimise it.)
const compute = (rounds) => pbkdf2Sync('password', 'salt', rounds, 32, 'sha256');

// How many rounds does this machine do in so many ms? The quickest of some tries, since others may
// have had the CPU meanwhile.
function roundsIn(ms) {
  let quickest = Infinity;
  for (let i = 0; i < 12; i++) {
    const begin = performance.now();
    compute(5000);
    quickest = Math.min(quickest, performance.now() - begin);
  }
  return Math.round(5000 * ms / quickest);
}

function beWorker() {
  process.title = 'lab-worker';
  const rounds = Number(process.env.LAB_ROUNDS);
  const server = http.createServer((request, response) => {
    if (request.url === '/victim') process.send({ victim: true });
    response.end(compute(rounds));
  });
  server.listen(Number(process.env.LAB_PORT), '127.0.0.1', () => {
    process.send({ ready: true, bytes: process.memoryUsage().rss });
  });
}

// The clients. A latency counts from when the request was due.
function get({ port, path, due, timeout }, answers) {
  return new Promise((resolve) => {
    const options = { port, path, host: '127.0.0.1', agent: false, timeout };
    const request = http.get(options, (response) => {
      response.on('error', () => resolve(answers.broken++)).resume();
      response.on('end', () => resolve(answers.latencies.push(performance.now() - due)));
    });
    let silent = false;
    request.on('timeout', () => { silent = true; request.destroy(); });
    request.on('error', () => resolve(silent ? answers.silent++ : answers.broken++));
  });
}

function beClients() {
  process.title = 'lab-clients';
  process.on('disconnect', () => process.exit());
  process.on('message', async ({ port, bursts, size, gap, victim }) => {
    const answers = { latencies: [], broken: 0, silent: 0 }, requests = [];
    const timeout = victim ? 2500 : 12000;
    const begin = performance.now();
    for (let burst = 0; burst < bursts; burst++) {
      const due = begin + burst * gap;
      while (performance.now() < due)
        await new Promise((resolve) => setTimeout(resolve, Math.max(1, due - performance.now())));
      for (let i = 0; i < size; i++) {
        const path = burst === victim && i === 0 ? '/victim' : '/';
        requests.push(get({ port, path, due, timeout }, answers));
      }
    }
    await Promise.all(requests);
    process.send(answers);
  });
}

// The manager: it starts workers, listens to what they say, and starts another one for one that
// has died.
async function freePort() {
  const server = http.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function beManager(ms, cpus, many) {
  process.title = 'lab-manager';
  const port = await freePort(), rounds = roundsIn(ms), bytes = new Map(), events = [];
  const clients = fork(__filename, ['clients']);
  let ending = false, told = () => {};
  const tell = (text) => events.push([now(), text]);
  const workers = () => Object.values(cluster.workers);

  function start() {
    const worker = cluster.fork({ LAB_PORT: port, LAB_ROUNDS: rounds });
    // A connection that is handed to a worker which has just died.
    worker.on('error', (error) => tell(`worker ${worker.process.pid} can't be told: ${error.code}`));
    tell(`started worker ${worker.process.pid}`);
  }
  cluster.on('message', (worker, message) => {
    const { pid } = worker.process;
    if (message.victim) {
      tell(`worker ${pid} is in the middle of a request: it is killed`);
      worker.process.kill('SIGKILL');
    }
    if (message.ready) {
      tell(`message of worker ${pid}: ready`);
      bytes.set(pid, message.bytes);
      told();
    }
  });
  cluster.on('exit', (worker, code, signal) => {
    bytes.delete(worker.process.pid);
    if (ending) return;
    tell(`worker ${worker.process.pid} has died: ${signal || code}`);
    start();
  });
  async function become(count) {
    while (workers().length < count) start();
    while (bytes.size < count) await new Promise((resolve) => told = resolve);
  }

  // So many requests at once, again and again, that seven tenths of the CPUs are needed.
  const gap = many * ms / (0.7 * cpus);
  async function load(name, count, bursts, victim) {
    await become(count);
    const begin = now();
    clients.send({ port, bursts, gap, size: many, victim });
    const [{ latencies, broken, silent }] = await once(clients, 'message');
    const mb = [...bytes.values()].reduce((sum, some) => sum + some, 0) / 2 ** 20;
    say('load', name, count, begin, now(), broken, silent, Math.round(mb));
    say('latency', name, latencies.map((latency) => latency.toFixed(1)).join(' '));
    const third = begin + BigInt(Math.round(3 * gap * 1e6));
    say('round', name, third, third + BigInt(Math.round(2 * gap * 1e6)));  // for the picture
  }

  const bursts = Math.ceil(1600 / gap);
  await load('one', 1, bursts);
  await load('each', cpus, bursts);
  const since = events.length;
  await load('killed', cpus, bursts / 3, 3);
  await become(cpus);
  const killed = events.slice(since);
  for (const [at, text] of killed) say('event', Number(at - killed[0][0]) / 1e6, text);
  say('left', workers().length);
  await load('many', many, bursts);
  ending = true;
  clients.disconnect();
  for (const worker of workers()) worker.process.kill('SIGKILL');
}

if (process.argv[2] === 'clients') beClients();
else if (!cluster.isPrimary) beWorker();
else beManager(...process.argv.slice(2).map(Number));
