// SPDX-License-Identifier: MIT
#include "demo/demo.h"

#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>

#include "base/failure.h"
#include "demo/load.h"
#include "demo/manager.h"
#include "demo/server.h"
#include "loop/core/ending_signals.h"

namespace timeslice::demo {

namespace {

UniqueFd listen(std::uint16_t port) {
  const int fd = loop::listen_on_loopback(port);
  if (fd == -EADDRINUSE)
    throw Failure(
        "port " + std::to_string(port) +
        " of 127.0.0.1 is in use: stop the server that has it, or choose another port with"
        " --port (0 takes a free one)");
  if (fd < 0) throw failure_from_errno("cannot listen on 127.0.0.1:" + std::to_string(port), -fd);
  return UniqueFd(fd);
}

// As many descriptors as we may have: the soft limit is for programs that still use select(2).
void take_all_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void announce(const loop::Loop& loop, std::uint16_t port) {
  std::fprintf(stderr, "listening on http://127.0.0.1:%u (backend %s)\n", port,
               loop.backend_name());
  if (const std::string& note = loop.backend_note(); !note.empty())
    std::fprintf(stderr, "%s\n", note.c_str());
}

}  // namespace

const char* name_of(Policy policy) {
  return policy == Policy::round_robin ? "round-robin" : "reuse-port";
}

void run_demo(const DemoOptions& options) {
  take_all_descriptors();
  if (options.cluster > 0) return run_cluster(options);
  UniqueFd listener = listen(options.port);
  const auto port = static_cast<std::uint16_t>(loop::port_of(listener.get()));
  std::optional<LoadProcess> load;
  if (options.load) load.emplace(port);
  Server server(options, std::move(listener));
  const auto stop = [&] {
    load.reset();
    server.stop();
  };
  const loop::EndingSignals end_signals(server.loop(), {SIGINT, SIGTERM}, stop);
  loop::Timer end(server.loop(), stop);
  end.unref();
  if (options.seconds > 0)
    end.start(std::chrono::duration_cast<loop::Nanoseconds>(
        std::chrono::duration<double>(options.seconds)));
  announce(server.loop(), port);
  server.start();
  server.loop().run();
}

}  // namespace timeslice::demo
