// SPDX-License-Identifier: MIT
// What becomes of a connection for which two processes wait, and one of them is killed? The kernel
// tears down a dead process's ring some time after its death, and an exclusive waiter there may be
// woken instead of a living one.
#include <sys/wait.h>

#include <csignal>

#include "tests/loop/socket_support.h"

namespace timeslice::loop::test {

namespace {

// A process whose loop waits for a connection on `listener`.
class Rival {
 public:
  Rival(const Options& options, int listener) {
    Pipe waits;
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) wait_for_connection(options, listener, waits.in.get());
    char byte = 0;
    REQUIRE(::read(waits.out.get(), &byte, 1) == 1);
  }
  ~Rival() { kill(); }
  Rival(const Rival&) = delete;
  Rival& operator=(const Rival&) = delete;
  void kill() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  [[noreturn]] static void wait_for_connection(const Options& options, int listener, int waits) {
    Loop loop(options);
    Request accepting;
    loop.accept(accepting, listener, [](Request&) {});
    // Immediates come after what was started has been handed to the kernel.
    loop.set_immediate([&] {
      if (::write(waits, "x", 1) != 1) ::_exit(1);
    });
    loop.run();
    ::_exit(0);
  }

  pid_t pid_ = -1;
};

}  // namespace

TEST_ON_EACH_BACKEND("a connection isn't lost when another process that waited for it is killed") {
  for (int i = 0; i < 20; ++i) {
    const UniqueFd listener(listen_on_loopback(0));
    REQUIRE(listener);
    Rival rival(options, listener.get());
    GuardedLoop loop(options);
    Request accepting;
    UniqueFd accepted, client;
    loop.accept(accepting, listener.get(),
                [&](Request& done) { accepted = UniqueFd(done.result()); });
    loop.set_immediate([&] {
      rival.kill();
      client = UniqueFd(connect_to_loopback(static_cast<std::uint16_t>(port_of(listener.get()))));
    });
    loop.run();
    REQUIRE(accepted);
    REQUIRE(client);
  }
}

}  // namespace timeslice::loop::test
