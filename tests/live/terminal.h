// SPDX-License-Identifier: MIT
// What does a person see who runs a program in a terminal and presses keys? tmux is that terminal:
// a server of our own, on a socket of our own, with one shell in it.
#pragma once
#include <string>
#include <vector>

#include "tests/live/processes.h"

namespace timeslice::live {

class Terminal {
 public:
  // Throws where tmux doesn't start. The shell waits for its first command when this returns.
  Terminal(int width, int height);

  void enter(const std::string& command);  // types it, and Enter
  void type(const std::string& text);      // as it is
  void press(const std::string& key);      // "Enter", "Down", "Escape", "C-c"
  void resize(int width, int height);

  [[nodiscard]] std::string text();  // what is in sight, lines without trailing blanks
  // Of a screen that stands still: as it is once all is drawn, which comes in pieces.
  [[nodiscard]] std::string settled_text();
  [[nodiscard]] std::vector<std::string> lines() { return lines_of(text()); }
  bool shows(const std::string& wanted);  // now, or within the deadline
  bool stops_showing(const std::string& unwanted);
  bool on_alternate_screen();  // where full-screen programs draw

 private:
  std::string ask(std::vector<std::string> arguments);
  ScratchDirectory directory_;
  std::string socket_;
  Child server_;
};

}  // namespace timeslice::live
