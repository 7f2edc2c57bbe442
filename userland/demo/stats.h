// SPDX-License-Identifier: MIT
// What does /stats say? One JSON object of what this process has counted since it began; its keys
// are in the manual page.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "demo/counts.h"
#include "demo/sorter.h"
#include "loop/core/loop.h"

namespace timeslice::demo {

struct StatsInput {
  const loop::Loop& loop;
  const Counts& counts;
  Sorter::Counts sorts;
  std::map<std::string, std::uint64_t> requests;
  loop::Nanoseconds uptime;
  int slot;                   // in a cluster; -1: in none
  std::string cluster_table;  // JSON
};

std::string stats_json(const StatsInput& input);

}  // namespace timeslice::demo
