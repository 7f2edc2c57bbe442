// SPDX-License-Identifier: MIT
// Are keys read one by one, sizes followed, and terminals left as they were found? A pty plays the
// terminal: what is written to its master is typed, what is read from it is on the screen.
#include "loop/io/terminal.h"

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <csignal>
#include <system_error>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

struct Pty {
  Pty() {
    int ends[2];
    const winsize size{.ws_row = 24, .ws_col = 80};
    if (::openpty(&ends[0], &ends[1], nullptr, nullptr, &size) != 0) std::abort();
    master = UniqueFd(ends[0]);
    slave = UniqueFd(ends[1]);
    for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  }
  void resize(unsigned short rows, unsigned short columns) {
    const winsize size{.ws_row = rows, .ws_col = columns};
    if (::ioctl(master.get(), TIOCSWINSZ, &size) != 0) std::abort();
  }
  UniqueFd master, slave;
};

termios mode_of(const UniqueFd& fd) {
  termios mode{};
  if (::tcgetattr(fd.get(), &mode) != 0) std::abort();
  return mode;
}

bool is_cooked(const UniqueFd& fd) {
  const tcflag_t both = ICANON | ECHO;
  return (mode_of(fd).c_lflag & both) == both;
}

void change_mode(const UniqueFd& fd) {
  termios mode = mode_of(fd);
  mode.c_lflag ^= ECHO;
  if (::tcsetattr(fd.get(), TCSANOW, &mode) != 0) std::abort();
}

int exit_code(pid_t child) {
  int status = -1;
  if (::waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

TEST_ON_EACH_BACKEND("a write to a terminal that isn't read waits, and delays no others",
                     "[terminal]") {
  Pty pty;
  termios raw{};
  ::cfmakeraw(&raw);
  REQUIRE(::tcsetattr(pty.slave.get(), TCSANOW, &raw) == 0);
  const bool to_master = GENERATE(false, true);
  CAPTURE(to_master);
  const int fd = (to_master ? pty.master : pty.slave).get();
  const int other = (to_master ? pty.slave : pty.master).get();
  const std::string much(1 << 20, 'x');
  std::string screen(much.size(), '?');
  ::fcntl(other, F_SETFL, O_RDWR | O_NONBLOCK);
  Request writing;
  GuardedLoop loop(options);
  std::size_t written = 0, before = 0;
  int last = 1, stalls = 0;
  const Done go_on = [&](Request& done) {
    last = done.result();
    if (last <= 0 || stalls == 3) return;
    written += static_cast<std::size_t>(last);
    loop.write(writing, fd, much.data(), much.size(), kCurrentPosition, go_on);
  };
  loop.write(writing, fd, much.data(), much.size(), kCurrentPosition, go_on);
  Timer beat(loop, [&] {
    if (std::exchange(before, written) != written || written == 0) return;
    if (++stalls == 3) {
      beat.stop();
      return writing.cancel();
    }
    while (::read(other, screen.data(), screen.size()) > 0) {
    }
  });
  beat.start(10ms, 10ms);
  loop.run();
  CHECK((last == -ECANCELED || last > 0));
  CHECK(stalls == 3);
  CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);  // other users' reads and writes are unaffected
}

TEST_CASE("a terminal is recognised, and has a size", "[terminal]") {
  Pty pty;
  Pipe pipe;
  TerminalSize size;
  CHECK(is_terminal(pty.slave.get()));
  CHECK_FALSE(is_terminal(pipe.out.get()));
  CHECK_FALSE(is_terminal(-1));
  CHECK(terminal_size(pty.slave.get(), size) == 0);
  CHECK(size == TerminalSize{.rows = 24, .columns = 80});
  CHECK(terminal_size(pipe.out.get(), size) == -ENOTTY);
  CHECK(terminal_size(-1, size) == -EBADF);
  CHECK_THROWS_AS(RawMode(pipe.out.get(), RawKeys::all), std::system_error);
}

TEST_CASE("in raw mode each key is read right away, including Ctrl-C and Enter", "[terminal]") {
  ON_EACH_BACKEND(options);
  Pty pty;
  std::array<char, 16> keys{};
  Request reading;
  GuardedLoop loop(options);
  Terminal terminal(loop, pty.slave.get());
  const RawMode raw(pty.slave.get(), RawKeys::all);
  const std::vector<std::string> typed{"a",      "\x03",     "\r",
                                       "\x1b[A", "\xc3\xa4", "\x1a\x1c\x11\x13\x7f"};
  std::vector<std::string> got(1);
  Done read = [&](Request& done) {
    if (done.result() <= 0) return;
    got.back().append(keys.data(), static_cast<std::size_t>(done.result()));
    if (got.back().size() >= typed[got.size() - 1].size()) {  // else it was cut short
      if (got.size() == typed.size()) return;
      const std::string& next = typed[got.size()];
      got.emplace_back();
      REQUIRE(::write(pty.master.get(), next.data(), next.size()) > 0);
    }
    terminal.read(reading, keys.data(), keys.size(), read);
  };
  terminal.read(reading, keys.data(), keys.size(), read);
  loop.set_immediate([&] { REQUIRE(::write(pty.master.get(), "a", 1) == 1); });
  loop.run();
  CHECK(got == typed);
  pollfd echo{.fd = pty.master.get(), .events = POLLIN};
  CHECK(::poll(&echo, 1, 0) == 0);
}

TEST_CASE("output in raw mode still starts new lines", "[terminal]") {
  Pty pty;
  const RawMode raw(pty.slave.get(), RawKeys::all);
  REQUIRE(::write(pty.slave.get(), "a\n", 2) == 2);
  char screen[8] = {};
  REQUIRE(::read(pty.master.get(), screen, sizeof screen) == 3);
  CHECK(screen == std::string("a\r\n"));
}

TEST_CASE("without raw mode a line is read when it is complete", "[terminal]") {
  ON_EACH_BACKEND(options);
  Pty pty;
  std::array<char, 16> line{};
  Request reading;
  GuardedLoop loop(options);
  Terminal terminal(loop, pty.slave.get());
  std::string got;
  Done read = [&](Request& done) {
    REQUIRE(done.result() > 0);
    got.append(line.data(), static_cast<std::size_t>(done.result()));
    if (got.size() < 4) terminal.read(reading, line.data(), line.size(), read);
  };
  terminal.read(reading, line.data(), line.size(), read);
  REQUIRE(::write(pty.master.get(), "ab", 2) == 2);
  Timer later(loop, [&] {
    CHECK(reading.in_flight());
    CHECK(got.empty());
    REQUIRE(::write(pty.master.get(), "c\n", 2) == 2);
  });
  later.start(5ms);
  loop.run();
  CHECK(got == "abc\n");
}

// As a shell changes it at each Ctrl-Z and fg: a waiting read is woken with nothing to read.
TEST_CASE("a wait for a key goes on when the terminal's mode changes", "[terminal]") {
  ON_EACH_BACKEND(options);
  Pty pty;
  Request keys;
  std::vector<int> results;
  GuardedLoop loop(options);
  const auto wait_for_key = [&] {
    loop.poll(keys, pty.slave.get(), POLLIN,
              [&](Request& done) { results.push_back(done.result()); });
  };
  int changes = 0;
  Timer shell(loop, [&] {
    CHECK(results.empty());
    if (++changes > 5) {
      CHECK(::write(pty.master.get(), "a\n", 2) == 2);
      return;
    }
    change_mode(pty.slave);
    shell.start(1ms);
  });
  wait_for_key();
  shell.start(1ms);
  loop.run();
  CHECK(results == std::vector<int>{POLLIN});

  REQUIRE(::tcflush(pty.slave.get(), TCIFLUSH) == 0);
  wait_for_key();
  loop.set_immediate([&] {
    change_mode(pty.slave);
    keys.cancel();
  });
  loop.run();
  CHECK(results == std::vector<int>{POLLIN, -ECANCELED});
}

TEST_CASE("a read that waits for a key can be cancelled, and the next key isn't lost",
          "[terminal]") {
  ON_EACH_BACKEND(options);
  Pty pty;
  std::array<char, 16> keys{};
  Request reading;
  GuardedLoop loop(options);
  Terminal terminal(loop, pty.slave.get());
  const RawMode raw(pty.slave.get(), RawKeys::all);
  std::vector<int> results;
  const Done note = [&](Request& done) { results.push_back(done.result()); };
  terminal.read(reading, keys.data(), keys.size(), note);
  Timer soon(loop, [&] { reading.cancel(); });
  soon.start(5ms);
  loop.run();
  REQUIRE(::write(pty.master.get(), "k", 1) == 1);
  terminal.read(reading, keys.data(), keys.size(), note);
  loop.run();
  CHECK(results == std::vector<int>{-ECANCELED, 1});
}

TEST_CASE("a terminal that was hung up has ended, seen from either side", "[terminal]") {
  ON_EACH_BACKEND(options);
  Pty pty;
  const bool master_stays = GENERATE(true, false);  // there the kernel says -EIO
  UniqueFd& stays = master_stays ? pty.master : pty.slave;
  UniqueFd& goes = master_stays ? pty.slave : pty.master;
  std::array<char, 16> keys{};
  Request reading;
  GuardedLoop loop(options);
  Terminal terminal(loop, stays.get());
  std::vector<int> results;
  Done note = [&](Request& done) {
    results.push_back(done.result());
    if (results.size() < 2) terminal.read(reading, keys.data(), keys.size(), note);
  };
  terminal.read(reading, keys.data(), keys.size(), note);
  loop.set_immediate([&] { goes = UniqueFd(); });
  loop.run();
  CHECK(results == std::vector<int>{0, 0});
}

TEST_CASE("the mode from before raw mode is restored", "[terminal]") {
  Pty pty;
  REQUIRE(is_cooked(pty.slave));
  const termios before = mode_of(pty.slave);
  {
    const RawMode raw(pty.slave.get(), RawKeys::but_for_signals);
    CHECK_FALSE(is_cooked(pty.slave));
    CHECK((mode_of(pty.slave).c_lflag & ISIG) != 0);
    {
      const RawMode inner(pty.slave.get(), RawKeys::all);
      CHECK((mode_of(pty.slave).c_lflag & ISIG) == 0);
    }
    CHECK((mode_of(pty.slave).c_lflag & ISIG) != 0);
  }
  const termios after = mode_of(pty.slave);
  CHECK(after.c_lflag == before.c_lflag);
  CHECK(after.c_iflag == before.c_iflag);
  CHECK(after.c_cflag == before.c_cflag);
}

TEST_CASE("restore_terminals restores the mode from before all of them", "[terminal]") {
  Pty pty, other;
  const RawMode raw(pty.slave.get(), RawKeys::but_for_signals);
  const RawMode inner(pty.slave.get(), RawKeys::all);
  const RawMode elsewhere(other.slave.get(), RawKeys::all);
  restore_terminals();
  CHECK(is_cooked(pty.slave));
  CHECK(is_cooked(other.slave));
  CHECK((mode_of(pty.slave).c_lflag & ISIG) != 0);
}

TEST_CASE("more than the maximum number of raw modes are refused", "[terminal]") {
  Pty pty;
  std::vector<std::unique_ptr<RawMode>> modes;
  const auto add = [&] {
    modes.push_back(std::make_unique<RawMode>(pty.slave.get(), RawKeys::all));
  };
  for (int i = 0; i < 16; ++i) add();
  CHECK_THROWS_AS(add(), std::system_error);
  while (!modes.empty()) modes.pop_back();
  CHECK(is_cooked(pty.slave));
  add();
}

TEST_CASE("exit restores the mode, and a forked child leaves its parent's alone", "[terminal]") {
  Pty pty;
  std::fflush(nullptr);  // else the child would, too
  pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    [[maybe_unused]] static const auto* raw = new RawMode(pty.slave.get(), RawKeys::all);
    if (is_cooked(pty.slave)) ::_exit(1);
    std::exit(0);
  }
  CHECK(exit_code(child) == 0);
  CHECK(is_cooked(pty.slave));

  const RawMode raw(pty.slave.get(), RawKeys::all);
  child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) std::exit(0);
  CHECK(exit_code(child) == 0);
  CHECK_FALSE(is_cooked(pty.slave));
}

// As a shell's job in the background would: the kernel wants to stop it for touching the terminal.
TEST_CASE("the mode is restored from the background, too", "[terminal]") {
  Pty pty;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (::setsid() < 0 || ::ioctl(pty.slave.get(), TIOCSCTTY, 0) != 0) ::_exit(2);
    const pid_t other = ::fork();  // in the background, for the foreground group is its parent's
    if (other == 0) {
      ::setpgid(0, 0);
      ::signal(SIGTTOU, SIG_DFL);
      { const RawMode raw(pty.slave.get(), RawKeys::all); }
      ::_exit(is_cooked(pty.slave) ? 0 : 3);
    }
    int status = -1;
    if (::waitpid(other, &status, WUNTRACED) != other) ::_exit(4);
    if (WIFSTOPPED(status)) ::kill(other, SIGKILL);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 5);
  }
  CHECK(exit_code(child) == 0);
}

TEST_CASE("a resized terminal notifies its foreground program", "[terminal]") {
  ON_EACH_BACKEND(options);
  Pty pty;
  Pipe ready;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (::setsid() < 0 || ::ioctl(pty.slave.get(), TIOCSCTTY, 0) != 0) ::_exit(2);
    std::vector<TerminalSize> sizes;
    try {
      GuardedLoop loop(options);
      Terminal terminal(loop, pty.slave.get());
      Timer holding(loop, {});  // resizes don't keep it alive
      holding.start(kDeadline * 2);
      terminal.on_resize([&](TerminalSize size) {
        sizes.push_back(size);
        holding.stop();
      });
      if (::write(ready.in.get(), "x", 1) != 1) ::_exit(3);
      loop.run();
    } catch (const std::exception&) {
      ::_exit(4);
    }
    ::_exit(sizes == std::vector<TerminalSize>{{.rows = 50, .columns = 132}} ? 0 : 5);
  }
  ready.in = UniqueFd();
  char byte;
  CHECK(::read(ready.out.get(), &byte, 1) == 1);
  pty.resize(50, 132);
  CHECK(exit_code(child) == 0);
}

TEST_CASE("only a change of size calls back, and only one callback is allowed", "[terminal]") {
  ON_EACH_BACKEND(options);
  Pty pty;
  GuardedLoop loop(options);
  Terminal terminal(loop, pty.slave.get());
  Terminal second(loop, pty.slave.get());
  int calls = 0;
  const auto turn = [&] {
    ::raise(SIGWINCH);
    loop.set_immediate([] {});
    loop.run();
    return calls;
  };
  terminal.on_resize([&](TerminalSize) { ++calls; });
  CHECK_THROWS_AS(second.on_resize([](TerminalSize) {}), std::system_error);
  CHECK(turn() == 0);
  pty.resize(10, 20);
  CHECK(turn() == 1);
  CHECK(turn() == 1);
  pty.resize(11, 20);
  terminal.on_resize(nullptr);
  CHECK(turn() == 1);
  CHECK_NOTHROW(second.on_resize([](TerminalSize) {}));
}

}  // namespace timeslice::loop::test
