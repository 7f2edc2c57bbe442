// SPDX-License-Identifier: MIT
#include "tests/unit/json_by_library.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "view/format/policy.h"

namespace timeslice::test {

namespace {

using nlohmann::json;

// Three decimals: more would be digits of the division, not of the measurement.
json figure(const model::Figure& value) {
  return value ? json(std::round(*value * 1000) / 1000) : json();
}

template <typename T>
json whole(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

json text(const std::string& value) { return value.empty() ? json() : json(value); }

// In the order in which they are written here, so that a reader finds ids first.
using Ordered = nlohmann::ordered_json;

// Characters that aren't seen, or that turn what's around them, and the library's ASCII for each.
std::vector<std::pair<std::string, std::string>> escapes() {
  std::vector<std::pair<std::string, std::string>> all;
  const auto add = [&](char32_t first, char32_t last) {
    for (char32_t code = first; code <= last; ++code) {
      std::string utf8(1, static_cast<char>(code));
      if (code >= 0x800)
        utf8 = {static_cast<char>(0xe0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 63)),
                static_cast<char>(0x80 | (code & 63))};
      else if (code >= 0x80)
        utf8 = {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
      const std::string quoted = json(utf8).dump(-1, ' ', /*ensure_ascii=*/true);
      all.emplace_back(utf8, quoted.substr(1, quoted.size() - 2));
    }
  };
  add(0x7f, 0x9f), add(0x61c, 0x61c), add(0x200b, 0x200f), add(0x2028, 0x202e);
  add(0x2060, 0x206f), add(0xfeff, 0xfeff);
  return all;
}

// A comm may hold any bytes; JSON text may not.
std::string dumped(const Ordered& object) {
  static const auto known = escapes();
  std::string text = object.dump(-1, ' ', false, Ordered::error_handler_t::replace);
  for (const auto& [character, escape] : known)
    for (size_t at = text.find(character); at != std::string::npos; at = text.find(character, at))
      text.replace(at, character.size(), escape);
  return text;
}

Ordered core_json(const model::Core& core) {
  return {{"cpu", core.cpu},
          {"busy_ratio", figure(core.busy_ratio)},
          {"switches_per_s", figure(core.switches_per_s)},
          {"queue_len", whole(core.queue_len)}};
}

Ordered process_json(const model::Process& process) {
  return {{"tgid", process.tgid},
          {"comm", process.comm},
          {"runtime", text(process.runtime)},
          {"threads", process.thread_count},
          {"cpu_pct", figure(process.cpu_pct)},
          {"nvcsw", whole(process.nvcsw)},
          {"nivcsw", whole(process.nivcsw)},
          {"nvcsw_per_s", figure(process.nvcsw_per_s)},
          {"nivcsw_per_s", figure(process.nivcsw_per_s)},
          {"wait_ms_per_s", figure(process.wait_ms_per_s)},
          {"ended_cpu_pct", figure(process.ended_cpu_pct)},
          {"ended_nvcsw_per_s", figure(process.ended_nvcsw_per_s)},
          {"ended_nivcsw_per_s", figure(process.ended_nivcsw_per_s)},
          {"ended", process.ended},
          {"pool", json()}};
}

Ordered peer_json(const std::optional<model::TopPeer>& peer) {
  if (!peer) return {};
  return {{"tid", peer->tid != 0 ? json(peer->tid) : json()},
          {"comm", peer->name},
          {"share", std::round(peer->share * 1000) / 1000},
          {"count", peer->count}};
}

std::string policy(const ts_thread_row& row) {
  const std::string_view known = view::policy_name(row.policy);
  return std::string(known.empty() ? "unknown" : known);
}

json total(const model::Thread& thread, uint32_t group, uint64_t value) {
  return thread.has(group) ? json(value) : json();
}

Ordered sched_json(const model::Thread& thread) {
  const model::SchedFigures none;
  const model::SchedFigures& sched = thread.sched ? *thread.sched : none;
  return {{"wait_p99_us", figure(sched.wait_p99_us)},
          {"top_preemptor", peer_json(sched.top_preemptor)},
          {"top_waker", peer_json(sched.top_waker)}};
}

Ordered thread_json(const model::Thread& thread) {
  const ts_thread_row& row = thread.row;
  Ordered object = {
      {"tgid", row.tgid},
      {"tid", row.tid},
      {"comm", row.comm},
      {"role", thread.role.name},
      {"role_evidence", text(thread.role.evidence)},
      {"role_confidence", thread.role.confidence},
      {"state", row.state ? json(std::string(1, row.state)) : json()},
      {"on_cpu", thread.has(TS_HAVE_ON_CPU) ? json((row.flags & TS_THREAD_ON_CPU) != 0) : json()},
      {"cpu", row.cpu},
      {"cpu_pct", figure(thread.cpu_pct)},
      {"cpu_ms", total(thread, TS_HAVE_CPU, row.cpu_ns / 1'000'000)},
      {"nvcsw", total(thread, TS_HAVE_SWITCHES, row.nvcsw)},
      {"nivcsw", total(thread, TS_HAVE_SWITCHES, row.nivcsw)},
      {"nvcsw_per_s", figure(thread.nvcsw_per_s)},
      {"nivcsw_per_s", figure(thread.nivcsw_per_s)},
      {"wait_ms_per_s", figure(thread.wait_ms_per_s)},
      {"wait_ms", total(thread, TS_HAVE_WAIT, row.run_delay_ns / 1'000'000)},
      {"migrations", total(thread, TS_HAVE_MIGRATIONS, row.migrations)},
      {"policy", policy(row)},
      {"nice", row.nice},
      {"prio", row.prio},
      {"sleeps_in", text(thread.sleeps_in)},
      {"began", thread.began},
      {"ended", thread.ended}};
  object.update(sched_json(thread));
  object["loop"] = json();  // those that have one are tried by themselves
  return object;
}

Ordered trust_json(const model::Trust& trust) {
  return {{"lost_records", trust.lost_records},
          {"storage_failures", trust.storage_failures},
          {"unseeded_threads", trust.unseeded_threads},
          {"missed_switches", trust.missed_switches},
          {"censored_waits", trust.censored_waits},
          {"self_cpu_pct", figure(trust.self_cpu_pct)},
          {"probe_ns_per_switch", figure(trust.probe_ns_per_switch)}};
}

}  // namespace

void append_json_by_library(std::string& out, const model::Frame& frame) {
  Ordered object = {{"schema", "timeslice/top/1"},
                    {"time_ns", frame.time_ns},
                    {"interval_s", figure(frame.interval_s)},
                    {"source", frame.source},
                    {"rung", name_of(frame.mode)},
                    {"began_per_s", figure(frame.began_per_s)},
                    {"ended_per_s", figure(frame.ended_per_s)},
                    {"cores", Ordered::array()},
                    {"processes", Ordered::array()},
                    {"threads", Ordered::array()}};
  for (const model::Core& core : frame.cores) object["cores"].push_back(core_json(core));
  for (const model::Process* process : frame.processes)
    object["processes"].push_back(process_json(*process));
  for (const model::Thread* thread : frame.threads)
    object["threads"].push_back(thread_json(*thread));
  object["trust"] = trust_json(frame.trust);
  out += dumped(object);
  out += '\n';
}

}  // namespace timeslice::test
