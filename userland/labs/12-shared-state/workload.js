// What does it cost to tell another thread something, and what goes wrong when two share a value?
// `messages TRIPS`: a message goes back and forth in three ways. `state ADDS`: two workers count in
// shared memory; then a server keeps its user's name in a global.
'use strict';
const { AsyncLocalStorage } = require('async_hooks');
const { fork } = require('child_process');
const { once } = require('events');
const http = require('http');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

const say = (...words) => console.log(words.join(' '));
const now = () => process.hrtime.bigint();

// Shared memory with one number in it: whose turn it is, 0 or 1.
function waitForTurn(turn, mine) {
  while (Atomics.load(turn, 0) !== mine) Atomics.wait(turn, 0, 1 - mine);
}
function giveTurn(turn, other) {
  Atomics.store(turn, 0, other);
  Atomics.notify(turn, 0);
}

// Who answers: a child process, and a worker thread.
function answerAsChild() {
  process.on('message', (message) => process.send(message));
}
function answerAsWorker() {
  parentPort.on('message', ({ turn, trips }) => {
    if (!turn) return parentPort.postMessage(0);
    for (; trips > 0; trips--) {
      waitForTurn(turn, 1);
      giveTurn(turn, 0);
    }
  });
}

// Two workers run this at the same time.
function count({ number, adds, how }) {
  Atomics.add(number, 1, 1);
  while (Atomics.load(number, 1) < 2);  // until both are here
  if (how === 'plain') for (let i = 0; i < adds; i++) number[0]++;
  else for (let i = 0; i < adds; i++) Atomics.add(number, 0, 1);
}

async function tripByIpc(child) {
  const answer = once(child, 'message');
  child.send(0);
  await answer;
}
async function tripByMessage(worker) {
  const answer = once(worker, 'message');
  worker.postMessage({});
  await answer;
}
function tripByMemory(turn) {
  giveTurn(turn, 1);
  waitForTurn(turn, 0);
}

async function travel(trips, trip) {
  const times = [], begin = now();
  for (let i = 0; i < trips; i++) {
    const start = now();
    await trip();
    times.push(Number(now() - start));
  }
  times.sort((one, other) => one - other);
  return { begin, end: now(), median: times[trips >> 1] };
}

// Taking turns, so that whatever else this machine does meets all three.
async function messages(trips) {
  const child = fork(__filename, ['child']), worker = new Worker(__filename);
  const turn = new Int32Array(new SharedArrayBuffer(4));
  const ways = {
    ipc: (n) => travel(n, () => tripByIpc(child)),
    messages: (n) => travel(n, () => tripByMessage(worker)),
    shared: (n) => {
      worker.postMessage({ turn, trips: n });
      return travel(n, () => tripByMemory(turn));
    },
  };
  for (let repetition = 0; repetition < 7; repetition++)
    for (const [name, way] of Object.entries(ways)) {
      const { begin, end, median } = await way(trips);
      if (repetition) say('trips', name, trips, begin, end, median);  // the first one warms up
    }
  for (const [name, way] of Object.entries(ways)) {
    const { begin, end } = await way(8);  // for the picture
    say('round', name, begin, end);
  }
  child.disconnect();
  await worker.terminate();
}

async function counting(adds, how) {
  const number = new Int32Array(new SharedArrayBuffer(8));
  const begin = now();
  const workers = [1, 2].map(() => new Worker(__filename, { workerData: { number, adds, how } }));
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  say('round', how, begin, now());
  say('count', how, 2 * adds, number[0]);
}

// The database answers when both users have asked: so one request always waits for the other one.
function slowDatabase() {
  const waiting = [];
  return () => new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 2) for (const go of waiting) go();
  });
}

let user;  // of the request that is being served, or so one thinks
function withGlobal() {
  const query = slowDatabase();
  return async (request, response) => {
    user = request.url.slice(1);
    await query();
    response.end(user);
  };
}

const current = new AsyncLocalStorage();
function withStorage() {
  const query = slowDatabase();
  return (request, response) =>
    current.run({ user: request.url.slice(1) }, async () => {
      await query();
      response.end(current.getStore().user);
    });
}

async function ask(name, port) {
  const options = { port, host: '127.0.0.1', path: '/' + name, agent: false };
  const [response] = await once(http.get(options), 'response');
  let answer = '';
  for await (const part of response) answer += part;
  return answer;
}

async function serve(how, handler) {
  const server = http.createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const users = ['ada', 'bob'], { port } = server.address();
  const answers = await Promise.all(users.map((name) => ask(name, port)));
  users.forEach((name, i) => say('answer', how, name, answers[i]));
  server.close();
}

async function state(adds) {
  await counting(adds, 'plain');
  await counting(adds, 'atomic');
  await serve('global', withGlobal());
  await serve('storage', withStorage());
}

if (!isMainThread) workerData ? count(workerData) : answerAsWorker();
else if (process.argv[2] === 'child') answerAsChild();
else if (process.argv[2] === 'messages') messages(Number(process.argv[3]));
else state(Number(process.argv[3]));
