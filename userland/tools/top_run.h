// SPDX-License-Identifier: MIT
// How does `timeslice top` run, once its options are settled? On a loop of our own: its timer, its
// keys and its signals are requests like any server's.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "live/session.h"
#include "view/format/order.h"

namespace timeslice::tools {

enum class Format { screen, text, json, csv };

struct TopOptions {
  live::Watch watch;
  std::string replay;  // the recording to show instead of the machine; empty: none
  Format format = Format::screen;
  std::optional<uint64_t> refreshes;  // absent: until asked to end
  double delay_s = 1;
  bool ascii = false;
  view::Order order;
};

void run_top(const TopOptions& options);    // throws Failure
void run_batch(const TopOptions& options);  // text, JSON or CSV on stdout
void run_screen(const TopOptions& options);
void run_replay_batch(const TopOptions& options);
void run_replay_screen(const TopOptions& options);

}  // namespace timeslice::tools
