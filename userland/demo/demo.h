// SPDX-License-Identifier: MIT
// What is the demo? A small Node-style HTTP server on the project's own event loop, as something to
// look at: on 127.0.0.1 only, with a route for each way of doing work, and its own load if wanted.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "demo/limits.h"
#include "loop/core/options.h"

namespace timeslice::demo {

// Who gets a connection in a cluster: see loop/cluster/cluster.h.
enum class Policy : std::uint8_t { round_robin, reuse_port };
const char* name_of(Policy policy);

struct DemoOptions {
  std::uint16_t port = 8080;  // 0: the kernel picks one
  loop::BackendKind backend = loop::BackendKind::uring;
  unsigned pool_size = 4;
  bool load = false;
  double seconds = 0;  // 0: until a signal
  std::size_t file_bytes = std::size_t{64} << 10;
  std::string root = {};  // of /static/; empty: nothing is served there
  unsigned sort_workers = 2;
  unsigned cluster = 0;  // workers; 0: this process serves by itself
  Policy policy = Policy::round_robin;
  Limits limits = {};

  // For tests.
  std::function<void(std::size_t count)> before_sort = {};  // on the sorting thread
  loop::SimOptions sim = {};
};

// Serves until it's told to stop. Says on stderr where, on which back end, and why on that one.
// Throws Failure if it can't begin.
void run_demo(const DemoOptions& options);

}  // namespace timeslice::demo
