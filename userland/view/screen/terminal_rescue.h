// SPDX-License-Identifier: MIT
// In what state does a crash leave the terminal? In the one that it was in: a handler of the
// signals that end a program for its own faults leaves the alternate screen, sets the former mode,
// and lets the signal do what it does by default. One at a time can live.
#pragma once
#include <string>

namespace timeslice::view {

class TerminalRescue {
 public:
  TerminalRescue();   // notes the mode of stdin's terminal, which nobody has changed yet
  ~TerminalRescue();  // the signals do what they did before
  TerminalRescue(const TerminalRescue&) = delete;
  TerminalRescue& operator=(const TerminalRescue&) = delete;

  // `leave`: what the terminal wants to be sent to give the screen back; of 255 bytes at most.
  static void arm(const std::string& leave);
};

// A terminfo string as it is sent: without its marks of delays, which no terminal needs any more.
std::string without_padding(const char* capability);

}  // namespace timeslice::view
