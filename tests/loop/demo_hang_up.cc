// SPDX-License-Identifier: MIT
// What does SIGHUP do to the demo's cluster? It's a reload if a process sent it, the end if the
// terminal was closed, except under nohup; and no worker dies of it.
#include <fcntl.h>
#include <stdlib.h>

#include "tests/loop/demo_support.h"

namespace timeslice::demo::test {

namespace {

using Catch::Matchers::Contains;

// The master side of a terminal: closing it hangs the terminal up.
class Window {
 public:
  Window() : fd_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    REQUIRE(fd_);
    REQUIRE(::grantpt(fd_.get()) == 0);
    REQUIRE(::unlockpt(fd_.get()) == 0);
  }
  // Called in the process that gets this terminal, in a session of its own.
  void control() {
    const std::string name = ::ptsname(fd_.get());
    ::setsid();
    const int tty = ::open(name.c_str(), O_RDWR | O_CLOEXEC);  // from now on the session's terminal
    if (tty < 0) throw std::runtime_error("no terminal");
    close();
  }
  void close() { const UniqueFd closed = std::move(fd_); }

 private:
  UniqueFd fd_;
};

DemoOptions cluster_of_two() {
  DemoOptions options{.cluster = 2};
  options.policy = GENERATE(Policy::round_robin, Policy::reuse_port);
  return options;
}

// Whether each worker was replaced that often, and none has died.
bool reloaded(const DemoProcess& demo, int times) {
  const json cluster = stats_of(demo)["cluster"];
  if (!cluster.contains("slots")) return false;
  for (const json& slot : cluster["slots"]) {
    CHECK(slot["restarts"] == 0);
    if (slot["reloads"] != times || slot["last_end"].is_null()) return false;
    CHECK_THAT(slot["last_end"].get<std::string>(), Contains("ended with code 0"));
  }
  return true;
}

}  // namespace

TEST_CASE("demo hang-up: SIGHUP to the whole group replaces the workers, and kills none") {
  Window window;
  DemoProcess demo(cluster_of_two(), [&] { window.control(); });
  ::kill(-demo.pid(), SIGHUP);
  CHECK(await([&] { return reloaded(demo, 1); }));
  CHECK(demo.terminate() == 0);
}

TEST_CASE("demo hang-up: a cluster ends with its terminal") {
  Window window;
  DemoProcess demo(cluster_of_two(), [&] { window.control(); });
  window.close();
  CHECK(demo.wait() == 0);
}

TEST_CASE("demo hang-up: under nohup a cluster goes on without its terminal") {
  Window window;
  DemoProcess demo(cluster_of_two(), [&] {
    ::signal(SIGHUP, SIG_IGN);
    window.control();
  });
  window.close();
  CHECK(await([&] { return reloaded(demo, 1); }));
  CHECK(demo.terminate() == 0);
}

}  // namespace timeslice::demo::test
