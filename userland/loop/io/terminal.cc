// SPDX-License-Identifier: MIT
#include "loop/io/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "loop/core/signals_blocked.h"

namespace timeslice::loop {

namespace {

// What was changed, where a signal handler can find it: in fixed places, each with a state that
// says whether what is in it is whole.
struct Changed {
  enum State : int { free, being_filled, whole };
  std::atomic<int> state{free};
  int fd = -1;
  pid_t owner = 0;
  termios former{};
};

std::array<Changed, 16> changed;
static_assert(std::atomic<int>::is_always_lock_free);

// At once: to wait for the output (TCSADRAIN) may last for ever, as on a terminal stopped by
// Ctrl-S. From the background this would stop us (SIGTTOU), and nobody would put the terminal right
// then.
int set_mode(int fd, const termios& mode) {
  const SignalsBlocked quiet(SIGTTOU);
  int result;
  do result = ::tcsetattr(fd, TCSANOW, &mode);
  while (result != 0 && errno == EINTR);
  return result;
}

// Done twice it does no harm, so a handler may come in the middle of it.
void restore(const Changed& place) {
  if (place.state == Changed::whole && place.owner == ::getpid()) set_mode(place.fd, place.former);
}

int take_free_place() {
  for (std::size_t i = 0; i < changed.size(); ++i) {
    int free = Changed::free;
    if (changed[i].state.compare_exchange_strong(free, Changed::being_filled))
      return static_cast<int>(i);
  }
  errno = EBUSY;
  return -1;
}

termios raw(termios mode, RawKeys keys) {
  mode.c_iflag &= ~tcflag_t{IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON};
  mode.c_lflag &= ~tcflag_t{ECHO | ECHONL | ICANON | IEXTEN};
  if (keys == RawKeys::all) mode.c_lflag &= ~tcflag_t{ISIG};
  mode.c_cflag = (mode.c_cflag & ~tcflag_t{CSIZE | PARENB}) | CS8;
  mode.c_cc[VMIN] = 1;
  mode.c_cc[VTIME] = 0;
  return mode;
}

std::system_error failure(int error) {
  return {error, std::generic_category(), "cannot read single keys from this terminal"};
}

}  // namespace

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

int terminal_size(int fd, TerminalSize& size) {
  winsize window{};
  if (::ioctl(fd, TIOCGWINSZ, &window) != 0) return -errno;
  size = {.rows = window.ws_row, .columns = window.ws_col};
  return 0;
}

RawMode::RawMode(int fd, RawKeys keys) {
  static const int at_exit = std::atexit([] { restore_terminals(); });
  if (at_exit != 0) throw failure(ENOMEM);
  termios former{};
  if (::tcgetattr(fd, &former) != 0) throw failure(errno);
  slot_ = take_free_place();
  if (slot_ < 0) throw failure(errno);
  Changed& place = changed[static_cast<std::size_t>(slot_)];
  place.fd = fd;
  place.owner = ::getpid();
  place.former = former;
  place.state = Changed::whole;  // before the change: a handler may come between
  if (set_mode(fd, raw(former, keys)) == 0) return;
  const int error = errno;
  place.state = Changed::free;
  throw failure(error);
}

RawMode::~RawMode() {
  Changed& place = changed[static_cast<std::size_t>(slot_)];
  restore(place);
  place.state = Changed::free;
}

void restore_terminals() noexcept {
  const int saved = errno;
  // The first last: of two for one terminal, it knows what was there before both.
  for (auto place = changed.rbegin(); place != changed.rend(); ++place) restore(*place);
  errno = saved;
}

void Terminal::read(Request& request, void* data, std::size_t size, Done done) {
  loop_.read(request, fd_, data, size, kCurrentPosition, [done = std::move(done)](Request& r) {
    if (r.op.result == -EIO) r.op.result = 0;
    if (done) done(r);
  });
}

void Terminal::on_resize(std::function<void(TerminalSize)> callback) {
  window_changed_.reset();
  resized_ = std::move(callback);
  if (!resized_) return;
  if (size(last_) != 0) last_ = {};
  window_changed_.emplace(loop_, SIGWINCH, [this] { look_at_size(); });
}

void Terminal::look_at_size() {
  TerminalSize now;
  if (size(now) != 0 || now == last_) return;
  last_ = now;
  const auto resized = resized_;  // a copy: the callback may ask for another one
  resized(now);
}

}  // namespace timeslice::loop
