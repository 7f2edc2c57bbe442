// SPDX-License-Identifier: MIT
// Example: how do the processes of a cluster hear what all should know? The manager tells all of
// them when the last one is ready; each answers, and when all have, the cluster ends.
#include "loop/cluster/cluster.h"
#include "loop/cluster/cluster_worker.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

// In a process of its own.
int listen_to_news(WorkerLink& link) {
  Loop loop({.backend = BackendKind::pool});
  link.attach(loop, {.on_connection = [](UniqueFd) {},
                     .on_drain = [] {},  // nothing is left to be done
                     .on_message =
                         [&](std::string news) {
                           if (!link.draining()) link.send("read: " + news);
                         },
                     .on_hurry = [] {}});
  link.ready();
  loop.run();
  return 0;
}

}  // namespace

TEST_CASE("example: a cluster's workers are told the news, and answer") {
  std::vector<std::string> answers;
  unsigned ready = 0, told = 0;
  Cluster cluster({.workers = 2}, listen_to_news);
  Timer guard(cluster.loop(), [] { throw std::runtime_error("the test waited too long"); });
  guard.unref();
  guard.start(kDeadline);
  cluster.on_event([&](const ClusterEvent& event) {
    if (event.kind != ClusterEvent::Kind::ready || ++ready < 2) return;
    told = cluster.broadcast("it rains");
    CHECK(cluster.queued_bytes(0) < 1000);  // who doesn't read could be told less
  });
  cluster.on_message([&](unsigned, std::string answer) {
    answers.push_back(std::move(answer));
    if (answers.size() == 2) cluster.stop();
  });
  cluster.run();
  CHECK(told == 2);
  CHECK(answers == std::vector<std::string>(2, "read: it rains"));
  CHECK(cluster.connections_lost() == 0);
}

}  // namespace timeslice::loop::test
