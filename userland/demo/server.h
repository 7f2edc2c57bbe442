// SPDX-License-Identifier: MIT
// Who serves the clients, and how does a server stop? It answers whoever is let in, and when it's
// told to stop lets nobody in any more, answers what was begun and ends: not by being told to, but
// because nothing is left that keeps its loop alive.
#pragma once
#include <optional>

#include "base/unique_fd.h"
#include "demo/connection.h"
#include "demo/counts.h"
#include "demo/demo.h"
#include "demo/intake.h"
#include "demo/routes.h"
#include "loop/core/loop.h"

namespace timeslice::demo {

class Server {
 public:
  // `options` must outlive it. Takes over `listener`, which may be empty: then connections come by
  // take() alone. The loop is made here, so fork whatever is to be forked before.
  Server(const DemoOptions& options, UniqueFd listener);

  void start() { intake_.start(loop_); }
  // A connection from elsewhere.
  void take(UniqueFd connection) { intake_.let_in(std::move(connection)); }
  // Of a cluster: its table is then part of /stats. `member` must outlive the server's run.
  void join(Member& member) { routes_.join(member); }
  // The first call ends in good order, within the grace time; the second one at once.
  void stop();

  [[nodiscard]] loop::Loop& loop() { return loop_; }

 private:
  // Connections, owned: they leave one by one as they end, and all of them after the loop.
  struct Connections : loop::List<Connection> {
    ~Connections();
  };

  void serve(UniqueFd connection);
  void ended(Connection& connection);
  void abort_all();

  const DemoOptions& options_;
  Counts counts_;
  // Before the loop, and so destroyed after it: they hold requests, which the loop's end completes.
  Intake intake_;
  std::optional<loop::Buffers> buffers_;
  Connections connections_;
  bool stopping_ = false;

  loop::Loop loop_;
  Routes routes_;
  Shared shared_;
  loop::Timer grace_;
};

}  // namespace timeslice::demo
