// SPDX-License-Identifier: MIT
// What does a small real Node server look like to the scheduler? The routes of `timeslice demo`, on
// loopback, with clients of its own in the same process: sockets, files, pool jobs, a blocked loop.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');

const routes = {
  '/': (req, res) => res.end('hello\n'),
  '/file': (req, res) => fs.readFile(__filename, (err, data) => res.end(data)),
  '/hash': (req, res) =>
    crypto.pbkdf2('timeslice', 'salt', 20000, 32, 'sha256', (err, key) => res.end(key.toString('hex'))),
  '/block': (req, res) => {
    const until = Date.now() + 50;
    while (Date.now() < until);
    res.end('blocked for 50 ms\n');
  },
};

const server = http.createServer((req, res) => {
  const route = routes[req.url];
  if (route) return route(req, res);
  res.statusCode = 404;
  res.end();
});

// Eight clients, each waiting a little between its requests; one request in fifty blocks the loop.
function client(agent, port, turn) {
  const path = turn % 50 === 49 ? '/block' : ['/', '/file', '/', '/hash'][turn % 4];
  const next = () => setTimeout(client, 20, agent, port, turn + 1);
  http.get({ host: '127.0.0.1', port, path, agent }, (res) => res.resume().on('end', next))
    .on('error', next);
}

server.listen(0, '127.0.0.1', () => {
  const agent = new http.Agent({ keepAlive: true });
  for (let i = 0; i < 8; ++i) client(agent, server.address().port, i * 7);
});
