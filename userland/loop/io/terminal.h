// SPDX-License-Identifier: MIT
// What is at the other end of this descriptor: a person? Then it has a size, which may change, and
// keys that can be had one by one. The kernel keeps both, with the terminal and not with us: what
// we change there outlives us unless it's put back.
//
//   RawMode raw(STDIN_FILENO, RawKeys::but_for_signals);  // until it goes
//   Terminal terminal(loop, STDIN_FILENO);
//   terminal.on_resize([&](TerminalSize size) { draw(size); });
//   terminal.read(request, &key, 1, [&](Request& r) {
//     if (r.result() > 0) press(key);  // 0: it was hung up
//   });
#pragma once
#include <termios.h>

#include <functional>
#include <optional>

#include "loop/core/loop.h"

namespace timeslice::loop {

bool is_terminal(int fd);

struct TerminalSize {
  int rows = 0;
  int columns = 0;
  bool operator==(const TerminalSize&) const = default;
};

// 0 or -errno: -ENOTTY if it isn't a terminal.
int terminal_size(int fd, TerminalSize& size);

enum class RawKeys : std::uint8_t {
  all,             // Ctrl-C is a key like any other
  but_for_signals  // Ctrl-C, Ctrl-Z, Ctrl-\ still send theirs
};

// While one lives, each key is there at once, unechoed and untranslated. What is written stays as
// it was: "\n" still begins a line. Destruction brings the former mode back, and so does exit().
// What ends a program without exit() (a signal, _exit, a crash) doesn't: call restore_terminals()
// in the handler.
class RawMode {
 public:
  // Throws std::system_error: ENOTTY if it isn't a terminal; EBUSY if there are 16 already. `fd`
  // stays open as long as this lives.
  RawMode(int fd, RawKeys keys);
  ~RawMode();
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;

 private:
  int slot_;
};

// Brings every terminal in raw mode back to what it was. Async-signal-safe. Does nothing in a
// forked child: the terminal is still its parent's.
void restore_terminals() noexcept;

class Terminal {
 public:
  // `fd` is open, blocking, and stays ours for reading as long as this lives.
  Terminal(Loop& loop, int fd) : loop_(loop), fd_(fd) {}

  // Keys, as many as there are: the result is > 0, 0 at the end, or -errno. A terminal that was
  // hung up is at its end: whether the kernel says 0 there or -EIO depends on which side is left.
  void read(Request& request, void* data, std::size_t size, Done done);

  [[nodiscard]] int size(TerminalSize& size) const { return terminal_size(fd_, size); }
  // Calls back when the size has changed from what it was at the last look. Uses SIGWINCH, which a
  // program can give to one Signal only: throws std::system_error (EBUSY) if another has it.
  // Without a callback it stops. It doesn't hold the loop.
  void on_resize(std::function<void(TerminalSize)> callback);

 private:
  void look_at_size();

  Loop& loop_;
  int fd_;
  TerminalSize last_;
  std::function<void(TerminalSize)> resized_;
  std::optional<Signal> window_changed_;
};

}  // namespace timeslice::loop
