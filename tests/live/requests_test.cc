// SPDX-License-Identifier: MIT
// Is a block told with the HTTP request that it served? A server blocks in a function for each of
// its routes, and, in between, for nobody; it asks itself, many requests at a time.
#include <map>
#include <set>
#include <string>

#include "live/loop_watch.h"
#include "tests/catch.h"
#include "tests/live/nodes.h"
#include "tests/live/processes.h"
#include "tests/live/waiting.h"

namespace timeslice::live {

namespace {

constexpr const char* kServer = R"(
const http = require('http');
const later = () => new Promise((done) => setTimeout(done, 5));
function direct() { for (const end = Date.now() + 70; Date.now() < end;); }
function awaited() { for (const end = Date.now() + 70; Date.now() < end;); }
function timer() { for (const end = Date.now() + 70; Date.now() < end;); }
function body() { for (const end = Date.now() + 70; Date.now() < end;); }
function nobody() { for (const end = Date.now() + 70; Date.now() < end;); }
const routes = {
  '/direct': (request, response) => (direct(), response.end()),
  '/awaited': async (request, response) => {
    await later();
    awaited();
    response.end(request.url);
  },
  '/timer': (request, response) => setTimeout(() => (timer(), response.end()), 5),
  '/body': (request, response) =>
      request.on('end', () => (body(), response.end())).on('data', () => {}),
  '/quick': (request, response) => response.end(),
};
const server = http.createServer((request, response) =>
    routes[request.url.split('?')[0]](request, response));
server.listen(0, '127.0.0.1', () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 }), all = Object.keys(routes);
  let next = 0;
  const ask = () => {
    const path = all[next++ % all.length] + '?token=secret';
    const method = path.startsWith('/body') ? 'POST' : 'GET';
    const asked = http.request({ port: server.address().port, path, method, agent },
                               (answer) => answer.resume().on('end', ask));
    asked.on('error', () => {}).end(method === 'POST' ? 'text' : undefined);
  };
  for (let i = 0; i < 4; ++i) ask();
});
setInterval(nobody, 400);
)";

const std::map<std::string, std::string> kServed = {{"direct", "GET /direct"},
                                                    {"awaited", "GET /awaited"},
                                                    {"timer", "GET /timer"},
                                                    {"body", "POST /body"}};

}  // namespace

TEST_CASE("a block is told with the request that it served, and with none if it served none") {
  if (nodes().empty()) SKIP_TEST("node isn't installed");
  for (const std::string& node : nodes()) {
    Command server({node, "-e", kServer}, [] { unsetenv("NODE_OPTIONS"); });
    LoopWatchOptions options;
    options.requests = true;
    LoopWatch watch({static_cast<uint32_t>(server.pid())}, options);
    std::map<std::string, int> right, unsure;
    CAPTURE(node);
    const auto look = [&](const model::BlockFunction& found) {
      const std::string& function = found.frame.function;
      const std::set<std::string>& requests = found.requests.all;
      CAPTURE(function, requests);
      if (function == "nobody") {
        ++right[function];
        CHECK(requests.empty());
      }
      const auto served = kServed.find(function);
      if (served == kServed.end()) return;
      const bool knows = !found.requests.doubtful && !requests.empty();
      ++(knows ? right : unsure)[function];
      if (knows) CHECK(requests == std::set<std::string>{served->second});
      if (found.requests.doubtful) CHECK(requests.contains(served->second));
    };
    CHECK(until([&] {
      for (const model::WatchedLoop& loop : watch.take().loops)
        for (const model::LoopBlock& block : loop.figures.blocks)
          if (block.ended)
            for (const model::BlockFunction& found : block.profile.functions()) look(found);
      return std::all_of(kServed.begin(), kServed.end(),
                         [&](const auto& served) { return right[served.first] >= 2; }) &&
             right["nobody"] >= 2;
    }));
    CAPTURE(right, unsure);
    for (const auto& [function, request] : kServed) CHECK(unsure[function] <= right[function] + 2);
  }
}

}  // namespace timeslice::live
