// SPDX-License-Identifier: MIT
#include "view/screen/terminal_rescue.h"

#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <iterator>

namespace timeslice::view {

namespace {

constexpr int kFatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

// A handler has nothing else to reach it by.
struct State {
  termios mode;
  bool has_mode;
  char leave[255];
  size_t size;
  struct sigaction former[std::size(kFatal)];
};
State state;

// Calls nothing that isn't async-signal-safe. The default action is back already, so the signal
// ends us here.
void give_back(int number) {
  for (size_t sent = 0; sent < state.size;) {
    const ssize_t more = write(STDOUT_FILENO, state.leave + sent, state.size - sent);
    if (more <= 0) break;
    sent += static_cast<size_t>(more);
  }
  if (state.has_mode) tcsetattr(STDIN_FILENO, TCSANOW, &state.mode);
  raise(number);
}

}  // namespace

TerminalRescue::TerminalRescue() {
  state.has_mode = tcgetattr(STDIN_FILENO, &state.mode) == 0;
  state.size = 0;
  struct sigaction action {};
  action.sa_handler = give_back;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < std::size(kFatal); ++i) sigaction(kFatal[i], &action, &state.former[i]);
}

TerminalRescue::~TerminalRescue() {
  for (size_t i = 0; i < std::size(kFatal); ++i) sigaction(kFatal[i], &state.former[i], nullptr);
}

void TerminalRescue::arm(const std::string& leave) {
  if (leave.size() > sizeof(state.leave)) return;
  memcpy(state.leave, leave.data(), leave.size());
  state.size = leave.size();
}

std::string without_padding(const char* capability) {
  std::string bytes(capability);
  for (size_t at = 0; (at = bytes.find("$<", at)) != std::string::npos;) {
    const size_t end = bytes.find('>', at);
    if (end == std::string::npos) break;
    bytes.erase(at, end + 1 - at);
  }
  return bytes;
}

}  // namespace timeslice::view
