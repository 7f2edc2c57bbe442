// SPDX-License-Identifier: MIT
// Example: how does a program take keys one by one, and follow its window's size? A raw mode for as
// long as it lasts, and a Terminal on the loop. Here a pty plays the terminal: what is written into
// its master is typed.
#include <pty.h>
#include <sys/ioctl.h>

#include <csignal>
#include <optional>

#include "loop/io/terminal.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

// Until `q`.
struct Keys {
  Keys(Loop& loop, int fd) : raw(fd, RawKeys::but_for_signals), terminal(loop, fd) {
    terminal.on_resize([this](TerminalSize now) { size = now; });
    listen();
  }
  void listen() {
    terminal.read(request, &key, 1, [this](Request& read) {
      if (read.result() <= 0) return;
      pressed += key;
      key == 'q' ? terminal.on_resize({}) : listen();
    });
  }
  RawMode raw;
  Terminal terminal;
  TerminalSize size;
  Request request;
  char key = 0;
  std::string pressed;
};

}  // namespace

TEST_ON_EACH_BACKEND("example: keys are taken one by one, and a window's size is followed") {
  int ends[2];
  const winsize small{.ws_row = 24, .ws_col = 80};
  REQUIRE(::openpty(&ends[0], &ends[1], nullptr, nullptr, &small) == 0);
  const UniqueFd window(ends[0]), fd(ends[1]);
  REQUIRE(is_terminal(fd.get()));
  std::optional<Keys> keys;  // holds a request, so it outlives the loop
  {
    GuardedLoop loop(options);
    keys.emplace(loop, fd.get());
    REQUIRE(::write(window.get(), "ab", 2) == 2);
    Timer look(loop, [&] {
      if (keys->pressed == "ab" && keys->size.rows == 0) {
        const winsize large{.ws_row = 50, .ws_col = 100};
        ::ioctl(window.get(), TIOCSWINSZ, &large);
        ::raise(SIGWINCH);  // as the kernel does for who has this terminal in the foreground
      }
      if (keys->size.rows == 0) return look.start(1ms);
      if (::write(window.get(), "q", 1) != 1) std::abort();
    });
    look.start(1ms);
    loop.run();
  }
  CHECK(keys->pressed == "abq");
  CHECK(keys->size == TerminalSize{.rows = 50, .columns = 100});
}

}  // namespace timeslice::loop::test
