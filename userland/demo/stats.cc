// SPDX-License-Identifier: MIT
#include "demo/stats.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

namespace timeslice::demo {

using nlohmann::json;

std::string stats_json(const StatsInput& input) {
  const loop::Counters counters = input.loop.counters();
  const auto ms = [](auto nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; };
  const std::string& note = input.loop.backend_note();
  json cluster = json::parse(input.cluster_table);
  if (input.slot >= 0) {
    if (!cluster.is_object()) cluster = json::object();
    cluster["slot"] = input.slot;
  }
  const json figures = {
      {"backend", input.loop.backend_name()},
      {"backend_note", note.empty() ? json(nullptr) : json(note)},
      {"pid", ::getpid()},
      {"pool_size", input.loop.pool_size()},
      {"requests", input.requests},
      {"connections", input.counts.connections},
      {"accepted", input.counts.accepted},
      {"timed_out", input.counts.timed_out},
      {"accept_rests", input.counts.accept_rests},
      {"worker_jobs",
       {{"workers", input.sorts.workers},
        {"running", input.sorts.running},
        {"queued", input.sorts.queued},
        {"done", input.sorts.done},
        {"failed", input.sorts.failed}}},
      {"cluster", cluster},
      {"turns", counters.turns},
      {"events", counters.events},
      {"system_calls", counters.system_calls},
      {"idle_ms", ms(counters.idle_ns)},
      {"uptime_ms", ms(input.uptime.count())},
  };
  return figures.dump() + '\n';
}

}  // namespace timeslice::demo
