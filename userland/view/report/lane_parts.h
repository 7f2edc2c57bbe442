// SPDX-License-Identifier: MIT
// What do all lanes have in common? A label before them, and colours within.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace timeslice::view {

inline constexpr uint32_t kLabel = 26;  // characters before a lane

class Painter {
 public:
  Painter(std::string& out, bool colour) : out_(out), colour_(colour) {}
  ~Painter() { set(-1); }
  Painter(const Painter&) = delete;
  Painter& operator=(const Painter&) = delete;

  // -1: the terminal's own.
  void set(int colour) {
    if (!colour_ || colour == now_) return;
    out_ += colour < 0 ? "\033[0m" : fmt::format("\033[38;5;{}m", colour);
    now_ = colour;
  }

 private:
  std::string& out_;
  bool colour_;
  int now_ = -1;
};

}  // namespace timeslice::view
