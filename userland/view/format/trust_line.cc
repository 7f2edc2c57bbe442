// SPDX-License-Identifier: MIT
#include "view/format/trust_line.h"

#include <fmt/format.h>

#include <iterator>

#include "view/format/number.h"

namespace timeslice::view {

namespace {

struct Counter {
  const char *one, *several;
  uint64_t model::Trust::*value;
  bool probes;  // only probes can lose this
};

constexpr Counter counters[] = {
    {"lost record", "lost records", &model::Trust::lost_records, false},
    {"storage failure", "storage failures", &model::Trust::storage_failures, true},
    {"unseeded thread", "unseeded threads", &model::Trust::unseeded_threads, true},
    {"missed switch", "missed switches", &model::Trust::missed_switches, true},
    {"wait still open", "waits still open", &model::Trust::censored_waits, false},
};

std::string trust(const model::Frame& frame, bool zeros) {
  const bool probes = frame.mode == Mode::aggregate;
  std::string line = "trust: ";
  auto out = std::back_inserter(line);
  if (!zeros && !anything_lost(frame.trust)) line += "nothing lost, ";
  for (const Counter& c : counters) {
    const uint64_t value = frame.trust.*c.value;
    // Without probes there is nothing to lose: not even "0 lost" is said.
    if (value == 0 && (!zeros || (c.probes && !probes))) continue;
    fmt::format_to(out, "{}, ", counted(value, c.one, c.several));
  }
  // Looking has cost its recorder something, of which nothing is left to see here.
  if (frame.source == "recording") return line + "from a recording";
  Scratch scratch;
  const auto& self = frame.trust.self_cpu_pct;
  fmt::format_to(out, "self {}% CPU, ", self ? compact(*self, Kind::percent, scratch) : "-");
  const auto& cost = frame.trust.probe_ns_per_switch;
  if (cost)
    fmt::format_to(out, "probes {:.0f} ns/switch", *cost);
  else
    line += probes ? "probes not timed" : "no probes";
  return line;
}

}  // namespace

bool anything_lost(const model::Trust& t) {
  // Unseeded threads and open waits are gaps that show as such; nothing counted went missing.
  return t.lost_records + t.storage_failures + t.missed_switches > 0;
}

std::string trust_in_full(const model::Frame& frame) { return trust(frame, true); }

std::string trust_in_brief(const model::Frame& frame) { return trust(frame, false); }

}  // namespace timeslice::view
