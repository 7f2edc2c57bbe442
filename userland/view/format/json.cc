// SPDX-License-Identifier: MIT
// The text is written straight into the output: a refresh may hold ten thousand threads of 27
// fields, and as many small objects on the way there took most of the time.
#include "view/format/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "view/format/policy.h"
#include "view/format/printable.h"

namespace timeslice::view {

namespace {

// What is rare is left to the library.
template <typename Value>
std::string by_library(const Value& value) {
  // A comm may hold any bytes; JSON text may not.
  return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_whole(std::string& out, const fmt::format_int& digits) {
  out.append(digits.data(), digits.size());
}

// Nearly all our figures have three decimals or fewer. Up to 15 digits, writing those is the
// shortest text that reads back as the same number: no two texts so short mean the same.
void append_number(std::string& out, double value) {
  const double scaled = std::round(std::fabs(value) * 1000);
  if (!(scaled < 1e15) || scaled / 1000 != std::fabs(value)) {
    out += by_library(value);
    return;
  }
  const auto thousandths = static_cast<uint64_t>(scaled);
  const auto decimals = static_cast<unsigned>(thousandths % 1000);
  if (std::signbit(value)) out += '-';
  append_whole(out, fmt::format_int(thousandths / 1000));
  const char digits[] = {'.', static_cast<char>('0' + decimals / 100),
                         static_cast<char>('0' + decimals / 10 % 10),
                         static_cast<char>('0' + decimals % 10)};
  out.append(digits, decimals % 100 == 0 ? 2 : decimals % 10 == 0 ? 3 : 4);
}

bool needs_no_escape(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f &&
         c != '"' && c != '\\';
}

void append_text(std::string& out, std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), needs_no_escape)) {
    append_visible_json(out, by_library(text));
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

// Objects within objects; see below.
void append_value(std::string& out, const std::optional<model::TopPeer>& peer);
void append_value(std::string& out, const model::Trust& trust);
void append_value(std::string& out, const model::WatchedLoop* loop);
void append_value(std::string& out, const model::WatchedPool* pool);
void append_value(std::string& out, const model::StackFrame& frame);

template <typename Value>
void append_value(std::string& out, const Value& value) {
  if constexpr (std::is_same_v<Value, bool>)
    out += value ? "true" : "false";
  else if constexpr (std::is_integral_v<Value>)
    append_whole(out, fmt::format_int(value));
  else if constexpr (std::is_floating_point_v<Value>)
    append_number(out, value);
  else
    append_text(out, value);
}

template <typename Value>
void append_value(std::string& out, const std::optional<Value>& value) {
  if (value)
    append_value(out, *value);
  else
    out += "null";
}

// Keys stand in the order in which they are added, so that a reader finds ids first.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_ += '{'; }

  template <size_t Size, typename Value>
  Object& add(const char (&key)[Size], const Value& value) {
    append_key(key);
    append_value(out_, value);
    return *this;
  }
  // Each of `list` is written by `append(out, one)`.
  template <size_t Size, typename List, typename Append>
  Object& add_list(const char (&key)[Size], const List& list, Append append) {
    append_key(key);
    out_ += '[';
    for (const auto& one : list) {
      append(out_, one);
      out_ += ',';
    }
    close(']');
    return *this;
  }
  void end() { close('}'); }

 private:
  template <size_t Size>
  void append_key(const char (&key)[Size]) {
    if (out_.back() != '{') out_ += ',';
    out_ += '"';
    out_.append(key, Size - 1);
    out_ += "\":";
  }
  void close(char bracket) {
    if (out_.back() == ',') out_.pop_back();
    out_ += bracket;
  }

  std::string& out_;
};

double rounded(double value) { return std::round(value * 1000) / 1000; }

// Three decimals: more would be digits of the division, not of the measurement.
model::Figure figure(const model::Figure& value) {
  return value ? rounded(*value) : model::Figure();
}

std::optional<std::string_view> unless_empty(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

template <typename Value>
std::optional<Value> if_so(bool condition, Value value) {
  return condition ? std::optional(value) : std::nullopt;
}

void append_core(std::string& out, const model::Core& core) {
  Object(out)
      .add("cpu", core.cpu)
      .add("busy_ratio", figure(core.busy_ratio))
      .add("switches_per_s", figure(core.switches_per_s))
      .add("queue_len", core.queue_len)
      .end();
}

void append_process(std::string& out, const model::Process* process) {
  Object(out)
      .add("tgid", process->tgid)
      .add("comm", process->comm)
      .add("runtime", unless_empty(process->runtime))
      .add("threads", process->thread_count)
      .add("cpu_pct", figure(process->cpu_pct))
      .add("nvcsw", process->nvcsw)
      .add("nivcsw", process->nivcsw)
      .add("nvcsw_per_s", figure(process->nvcsw_per_s))
      .add("nivcsw_per_s", figure(process->nivcsw_per_s))
      .add("wait_ms_per_s", figure(process->wait_ms_per_s))
      .add("ended_cpu_pct", figure(process->ended_cpu_pct))
      .add("ended_nvcsw_per_s", figure(process->ended_nvcsw_per_s))
      .add("ended_nivcsw_per_s", figure(process->ended_nivcsw_per_s))
      .add("ended", process->ended)
      .add("pool", process->pool)
      .end();
}

void append_value(std::string& out, const std::optional<model::TopPeer>& peer) {
  if (!peer) {
    out += "null";
    return;
  }
  Object(out)
      .add("tid", if_so(peer->tid != 0, peer->tid))
      .add("comm", peer->name)
      .add("share", rounded(peer->share))
      .add("count", peer->count)
      .end();
}

double ms(uint64_t ns) { return rounded(static_cast<double>(ns) / 1e6); }

void append_value(std::string& out, const model::StackFrame& frame) {
  Object(out)
      .add("function", unless_empty(frame.function))
      .add("file", unless_empty(frame.file))
      .add("line", if_so(frame.line > 0, frame.line))
      .end();
}

// In short: `timeslice loop` has all of it.
void append_value(std::string& out, const model::WatchedLoop* loop) {
  if (!loop) {
    out += "null";
    return;
  }
  const model::LoopFigures& figures = loop->figures;
  const auto function = figures.blocks_profile().function();
  Object(out)
      .add("turns_per_s", figure(figures.turns_per_s()))
      .add("utilisation", rounded(figures.utilisation()))
      .add("longest_turn_ms", ms(figures.longest_turn_ns))
      .add("delay_p99_ms", ms(figures.delay_p99_ns))
      .add("gc_ratio", figure(loop->activity.gc_ratio()))
      .add("blocks", figures.blocks.size())
      .add("blocked_by", function ? std::optional(function->frame) : std::nullopt)
      .end();
}

void append_value(std::string& out, const model::WatchedPool* pool) {
  if (!pool) {
    out += "null";
    return;
  }
  Object(out)
      .add("size", pool->figures.threads)
      .add("busy", rounded(pool->figures.busy))
      .add("queue_depth", pool->figures.queued)
      .add("slow_queue_depth", pool->figures.slow)
      .end();
}

std::string_view policy(const ts_thread_row& row) {
  const std::string_view known = policy_name(row.policy);
  return known.empty() ? "unknown" : known;
}

void append_thread(std::string& out, const model::Thread* thread) {
  const model::Thread& t = *thread;
  const ts_thread_row& row = t.row;
  const auto total = [&](uint32_t group, uint64_t value) { return if_so(t.has(group), value); };
  static const model::SchedFigures none;
  const model::SchedFigures& sched = t.sched ? *t.sched : none;
  Object(out)
      .add("tgid", row.tgid)
      .add("tid", row.tid)
      .add("comm", std::string_view(row.comm, strnlen(row.comm, sizeof(row.comm))))
      .add("role", t.role.name)
      .add("role_evidence", unless_empty(t.role.evidence))
      .add("role_confidence", t.role.confidence)
      .add("state", unless_empty(std::string_view(&row.state, row.state != 0)))
      .add("on_cpu", if_so(t.has(TS_HAVE_ON_CPU), (row.flags & TS_THREAD_ON_CPU) != 0))
      .add("cpu", row.cpu)
      .add("cpu_pct", figure(t.cpu_pct))
      .add("cpu_ms", total(TS_HAVE_CPU, row.cpu_ns / 1'000'000))
      .add("nvcsw", total(TS_HAVE_SWITCHES, row.nvcsw))
      .add("nivcsw", total(TS_HAVE_SWITCHES, row.nivcsw))
      .add("nvcsw_per_s", figure(t.nvcsw_per_s))
      .add("nivcsw_per_s", figure(t.nivcsw_per_s))
      .add("wait_ms_per_s", figure(t.wait_ms_per_s))
      .add("wait_ms", total(TS_HAVE_WAIT, row.run_delay_ns / 1'000'000))
      .add("migrations", total(TS_HAVE_MIGRATIONS, row.migrations))
      .add("policy", policy(row))
      .add("nice", row.nice)
      .add("prio", row.prio)
      .add("sleeps_in", unless_empty(t.sleeps_in))
      .add("began", t.began)
      .add("ended", t.ended)
      .add("wait_p99_us", figure(sched.wait_p99_us))
      .add("top_preemptor", sched.top_preemptor)
      .add("top_waker", sched.top_waker)
      .add("loop", t.loop)
      .end();
}

void append_value(std::string& out, const model::Trust& trust) {
  Object(out)
      .add("lost_records", trust.lost_records)
      .add("storage_failures", trust.storage_failures)
      .add("unseeded_threads", trust.unseeded_threads)
      .add("missed_switches", trust.missed_switches)
      .add("censored_waits", trust.censored_waits)
      .add("self_cpu_pct", figure(trust.self_cpu_pct))
      .add("probe_ns_per_switch", figure(trust.probe_ns_per_switch))
      .end();
}

}  // namespace

void append_json(std::string& out, const model::Frame& frame) {
  Object(out)
      .add("schema", std::string_view("timeslice/top/1"))
      .add("time_ns", frame.time_ns)
      .add("interval_s", figure(frame.interval_s))
      .add("source", frame.source)
      .add("rung", name_of(frame.mode))
      .add("began_per_s", figure(frame.began_per_s))
      .add("ended_per_s", figure(frame.ended_per_s))
      .add_list("cores", frame.cores, append_core)
      .add_list("processes", frame.processes, append_process)
      .add_list("threads", frame.threads, append_thread)
      .add("trust", frame.trust)
      .end();
  out += '\n';
}

}  // namespace timeslice::view
