// SPDX-License-Identifier: MIT
#include "tests/live/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace timeslice::live {

namespace {

constexpr auto kPrompt = "ready>";

// In the foreground, so that it is our child and dies with us.
void be_server(const std::string& socket) {
  unsetenv("TMUX");
  setenv("LC_ALL", "C.UTF-8", 1);
  setenv("TERM", "xterm-256color", 1);
  execlp("tmux", "tmux", "-u", "-D", "-S", socket.c_str(), "-f", "/dev/null", nullptr);
  _exit(127);
}

}  // namespace

Terminal::Terminal(int width, int height)
    : socket_(directory_.path() + "/tmux"), server_([this] { be_server(socket_); }) {
  if (!until([this] { return access(socket_.c_str(), F_OK) == 0; }))
    throw std::runtime_error("tmux doesn't start");
  ask({"new-session", "-d", "-x", std::to_string(width), "-y", std::to_string(height),
       std::string("PS1='") + kPrompt + " ' exec sh"});
  if (!shows(kPrompt)) throw std::runtime_error("no shell in tmux");
}

std::string Terminal::ask(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"tmux", "-S", socket_});
  const Outcome outcome = run(arguments, [] { unsetenv("TMUX"); });
  if (outcome.status != 0) throw std::runtime_error("tmux: " + outcome.err);
  return outcome.out;
}

void Terminal::enter(const std::string& command) {
  type(command);
  press("Enter");
}

void Terminal::type(const std::string& text) { ask({"send-keys", "-l", "--", text}); }

void Terminal::press(const std::string& key) { ask({"send-keys", "--", key}); }

void Terminal::resize(int width, int height) {
  ask({"resize-window", "-x", std::to_string(width), "-y", std::to_string(height)});
}

std::string Terminal::text() { return ask({"capture-pane", "-p"}); }

std::string Terminal::settled_text() {
  std::string last;
  until([&] { return std::exchange(last, text()) == last; });
  return last;
}

bool Terminal::shows(const std::string& wanted) {
  return until([&] { return text().find(wanted) != std::string::npos; });
}

bool Terminal::stops_showing(const std::string& unwanted) {
  return until([&] { return text().find(unwanted) == std::string::npos; });
}

bool Terminal::on_alternate_screen() {
  return ask({"display-message", "-p", "#{alternate_on}"}) == "1\n";
}

}  // namespace timeslice::live
