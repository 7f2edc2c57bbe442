// SPDX-License-Identifier: MIT
// What of the watched event loops has to be said on stderr? Once each: what is missing and why,
// whose loops can't be watched, and whose functions can't be named.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <set>
#include <string>

#include "live/loop_watch.h"

namespace timeslice::tools {

void add_block_option(CLI::App& app, double& block_ms);
void add_requests_option(CLI::App& app, bool& requests);

class LoopNews {
 public:
  // `asked`: how many processes were asked for. Throws Failure if none of them can be watched.
  void say(const model::LoopFrame& frame, size_t asked);

 private:
  std::string note_, not_timed_, no_phases_;
  std::set<uint32_t> refused_, unnamed_, unphased_;
};

}  // namespace timeslice::tools
