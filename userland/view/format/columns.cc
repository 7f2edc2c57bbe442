// SPDX-License-Identifier: MIT
#include "view/format/columns.h"

#include <strings.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/bad_usage.h"
#include "view/format/number.h"
#include "view/format/policy.h"
#include "view/format/printable.h"

namespace timeslice::view {

namespace {

using model::Figure;
using model::Process;
using model::TopPeer;

// A total of the thread's row, absent unless the group it belongs to was measured.
Figure total(const model::Thread& t, uint32_t group, uint64_t value) {
  return t.has(group) ? Figure(static_cast<double>(value)) : std::nullopt;
}

Figure total(const std::optional<uint64_t>& value) {
  return value ? Figure(static_cast<double>(*value)) : std::nullopt;
}

std::string_view comm(const model::Thread& t, Scratch& scratch) {
  return printable({t.row.comm, strnlen(t.row.comm, TS_COMM_SIZE)}, scratch);
}

std::string_view process_comm(const Process& p, Scratch& scratch) {
  return printable(p.comm, scratch);
}

// Where every thread is called `node`, the role tells more; where no role is known, the comm does.
// A process's only thread is the process: that it's the main one says nothing.
std::string_view name(const model::Thread& t, Scratch& scratch) {
  if (t.process != nullptr && t.process->is_one_thread()) return process_comm(*t.process, scratch);
  const bool told = t.role.name != "thread" && t.role.name != "kernel" && !t.role.name.empty();
  return told ? std::string_view(t.role.name) : comm(t, scratch);
}

// ps shows R for what runs and for what waits for a core. Here the latter is a small r.
std::string_view state(const model::Thread& t, Scratch&) {
  if (t.ended) return "X";
  if (t.row.state == 'R' && t.has(TS_HAVE_ON_CPU) && !(t.row.flags & TS_THREAD_ON_CPU)) return "r";
  return t.row.state ? std::string_view(&t.row.state, 1) : std::string_view();
}

std::string_view policy(const model::Thread& t, Scratch& scratch) {
  const std::string_view known = policy_name(t.row.policy);
  return known.empty() ? compact(t.row.policy, Kind::whole, scratch) : known;
}

std::string_view sleeps_in(const model::Thread& t, Scratch&) {
  return t.ended ? std::string_view("(ended)") : std::string_view(t.sleeps_in);
}

// "62% node:4312", "80% softirq": the share first, so that clipping takes the name's end.
std::string_view peer(const std::optional<TopPeer>& top, Scratch& scratch) {
  if (!top) return {};
  Scratch part;
  size_t used = 0;
  const auto add = [&](std::string_view text) {
    text = text.substr(0, std::min(text.size(), sizeof(scratch.text) - used));
    std::memcpy(scratch.text + used, text.data(), text.size());
    used += text.size();
  };
  add(compact(top->share * 100, Kind::whole, part));
  add("% ");
  add(printable(top->name, part).substr(0, 32));
  if (top->tid != 0) {
    add(":");
    add(compact(top->tid, Kind::whole, part));
  }
  return {scratch.text, used};
}

std::string_view top_preemptor(const model::Thread& t, Scratch& scratch) {
  return t.sched ? peer(t.sched->top_preemptor, scratch) : std::string_view();
}

std::string_view top_waker(const model::Thread& t, Scratch& scratch) {
  return t.sched ? peer(t.sched->top_waker, scratch) : std::string_view();
}

Figure utilisation(const model::WatchedLoop* loop) {
  return loop ? Figure(100 * loop->figures.utilisation()) : Figure();
}

Figure longest_turn_ms(const model::WatchedLoop* loop) {
  return loop ? Figure(static_cast<double>(loop->figures.longest_turn_ns) / 1e6) : Figure();
}

// A thread that runs, a kernel thread and a zombie are in no call that anybody could know of.
bool is_in_call(const model::Thread& t) {
  return !(t.row.flags & TS_THREAD_KERNEL) && (t.row.state == 'S' || t.row.state == 'D');
}

using Thread = const model::Thread&;
using Proc = const Process&;

// clang-format off
constexpr Column table[] = {
  {.id = ColumnId::tid, .name = "tid", .heading = "TID",
   .meaning = "thread id; on a process's line its tgid (PID)",
   .kind = Kind::whole, .least_width = 7, .most_width = 7, .rank = 0, .descending = false,
   .of_thread = [](Thread t) { return Figure(t.row.tid); },
   .of_process = [](Proc p) { return Figure(p.tgid); }},
  {.id = ColumnId::tgid, .name = "tgid", .heading = "TGID",
   .meaning = "thread group id: the process, its PID",
   .kind = Kind::whole, .least_width = 7, .most_width = 7, .rank = 9, .descending = false,
   .of_thread = [](Thread t) { return Figure(t.row.tgid); },
   .of_process = [](Proc p) { return Figure(p.tgid); }},
  {.id = ColumnId::name, .name = "name", .heading = "THREAD",
   .meaning = "the role if it is known, else the comm",
   .kind = Kind::text, .least_width = 17, .most_width = 17, .rank = 0, .descending = false,
   .place = Place::screen, .text_of_thread = name, .text_of_process = process_comm},
  {.id = ColumnId::comm, .name = "comm", .heading = "COMM",
   .meaning = "the thread's name, as it or its parent set it",
   .kind = Kind::text, .least_width = 16, .most_width = 16, .rank = 0, .descending = false,
   .text_of_thread = comm, .text_of_process = process_comm},
  {.id = ColumnId::role, .name = "role", .heading = "ROLE",
   .meaning = "the thread's purpose; on a process's line its runtime",
   .kind = Kind::text, .least_width = 16, .most_width = 16, .rank = 0, .descending = false,
   .text_of_thread = [](Thread t, Scratch&) { return std::string_view(t.role.name); },
   .text_of_process = [](Proc p, Scratch&) { return std::string_view(p.runtime); }},
  {.id = ColumnId::role_evidence, .name = "role_evidence", .heading = "EVIDENCE",
   .meaning = "the evidence for the role",
   .kind = Kind::text, .least_width = 20, .most_width = 28, .rank = 19, .descending = false,
   .place = Place::files,
   .text_of_thread = [](Thread t, Scratch&) { return std::string_view(t.role.evidence); }},
  {.id = ColumnId::role_confidence, .name = "role_confidence", .heading = "SURE",
   .meaning = "confidence in the role, 0 to 1",
   .kind = Kind::fine, .least_width = 4, .most_width = 4, .rank = 20, .descending = true,
   .place = Place::files,
   .of_thread = [](Thread t) { return t.role.name == "thread" ? Figure() : Figure(t.role.confidence); }},
  {.id = ColumnId::threads, .name = "threads", .heading = "THR",
   .meaning = "number of threads in the process",
   .kind = Kind::whole, .least_width = 3, .most_width = 5, .rank = 8, .descending = true,
   .place = Place::screen, .of_process = [](Proc p) { return Figure(p.thread_count); }},
  {.id = ColumnId::state, .name = "state", .heading = "S",
   .meaning = "R running, r runnable (waiting), S or D sleeping, X ended",
   .kind = Kind::text, .least_width = 1, .most_width = 1, .rank = 1, .descending = false,
   .text_of_thread = state},
  {.id = ColumnId::cpu, .name = "cpu", .heading = "CPU",
   .meaning = "the CPU it runs on, or last ran on",
   .kind = Kind::whole, .least_width = 4, .most_width = 4, .rank = 3, .descending = false,
   .of_thread = [](Thread t) { return t.row.cpu < 0 ? Figure() : Figure(t.row.cpu); }},
  {.id = ColumnId::prio, .name = "prio", .heading = "PR",
   .meaning = "priority: 20 is nice 0, lower is more urgent, below 0 real-time",
   .kind = Kind::whole, .least_width = 4, .most_width = 4, .rank = 10, .descending = false,
   .of_thread = [](Thread t) { return Figure(t.row.prio); }},
  {.id = ColumnId::nice, .name = "nice", .heading = "NI",
   .meaning = "nice value, -20 to 19",
   .kind = Kind::whole, .least_width = 3, .most_width = 3, .rank = 13, .descending = false,
   .of_thread = [](Thread t) { return Figure(t.row.nice); }},
  {.id = ColumnId::policy, .name = "policy", .heading = "POL",
   .meaning = "scheduling policy: normal, batch, idle, fifo, rr, deadline, ext",
   .kind = Kind::text, .least_width = 6, .most_width = 6, .rank = 14, .descending = false,
   .text_of_thread = policy},
  {.id = ColumnId::cpu_pct, .name = "cpu_pct", .heading = "%CPU",
   .meaning = "CPU time, % of one CPU",
   .kind = Kind::percent, .least_width = 5, .most_width = 6, .rank = 1, .descending = true,
   .needs = TS_HAVE_CPU,
   .of_thread = [](Thread t) { return t.cpu_pct; }, .of_process = [](Proc p) { return p.cpu_pct; }},
  {.id = ColumnId::nvcsw_per_s, .name = "nvcsw_per_s", .heading = "VOL/S",
   .meaning = "voluntary switches per s: it went to sleep",
   .kind = Kind::rate, .least_width = 5, .most_width = 6, .rank = 1, .descending = true,
   .needs = TS_HAVE_SWITCHES,
   .of_thread = [](Thread t) { return t.nvcsw_per_s; },
   .of_process = [](Proc p) { return p.nvcsw_per_s; }},
  {.id = ColumnId::nivcsw_per_s, .name = "nivcsw_per_s", .heading = "INV/S",
   .meaning = "involuntary switches per s: it was preempted, or yielded",
   .kind = Kind::rate, .least_width = 5, .most_width = 6, .rank = 1, .descending = true,
   .needs = TS_HAVE_SWITCHES,
   .of_thread = [](Thread t) { return t.nivcsw_per_s; },
   .of_process = [](Proc p) { return p.nivcsw_per_s; }},
  {.id = ColumnId::wait_ms_per_s, .name = "wait_ms_per_s", .heading = "WAITms",
   .meaning = "run-queue wait: runnable, but not running; ms per s",
   .kind = Kind::fine, .least_width = 6, .most_width = 6, .rank = 2, .descending = true,
   .needs = TS_HAVE_WAIT,
   .of_thread = [](Thread t) { return t.wait_ms_per_s; },
   .of_process = [](Proc p) { return p.wait_ms_per_s; }},
  {.id = ColumnId::migrations_per_s, .name = "migrations_per_s", .heading = "MIG/S",
   .meaning = "migrations to another CPU, per s",
   .kind = Kind::rate, .least_width = 5, .most_width = 6, .rank = 9, .descending = true,
   .needs = TS_HAVE_MIGRATIONS,
   .of_thread = [](Thread t) { return t.migrations_per_s; },
   .of_process = [](Proc p) { return p.migrations_per_s; }},
  {.id = ColumnId::wait_p99_us, .name = "wait_p99_us", .heading = "P99us",
   .meaning = "99th percentile of its waits for a CPU, us",
   .kind = Kind::rate, .least_width = 5, .most_width = 6, .rank = 4, .descending = true,
   .aggregate = true,
   .of_thread = [](Thread t) { return t.sched ? t.sched->wait_p99_us : Figure(); }},
  {.id = ColumnId::top_preemptor, .name = "top_preemptor", .heading = "PREEMPTOR",
   .meaning = "the thread that preempted it most often, and its share",
   .kind = Kind::text, .least_width = 15, .most_width = 20, .rank = 5, .descending = false,
   .aggregate = true, .text_of_thread = top_preemptor},
  {.id = ColumnId::top_waker, .name = "top_waker", .heading = "WAKER",
   .meaning = "what woke it most often, and its share",
   .kind = Kind::text, .least_width = 15, .most_width = 20, .rank = 6, .descending = false,
   .aggregate = true, .text_of_thread = top_waker},
  {.id = ColumnId::nvcsw, .name = "nvcsw", .heading = "VOLUNT",
   .meaning = "voluntary switches since it started",
   .kind = Kind::total, .least_width = 8, .most_width = 8, .rank = 11, .descending = true,
   .needs = TS_HAVE_SWITCHES,
   .of_thread = [](Thread t) { return total(t, TS_HAVE_SWITCHES, t.row.nvcsw); },
   .of_process = [](Proc p) { return total(p.nvcsw); }},
  {.id = ColumnId::nivcsw, .name = "nivcsw", .heading = "INVOL",
   .meaning = "involuntary switches since it started",
   .kind = Kind::total, .least_width = 8, .most_width = 8, .rank = 12, .descending = true,
   .needs = TS_HAVE_SWITCHES,
   .of_thread = [](Thread t) { return total(t, TS_HAVE_SWITCHES, t.row.nivcsw); },
   .of_process = [](Proc p) { return total(p.nivcsw); }},
  {.id = ColumnId::migrations, .name = "migrations", .heading = "MIGR",
   .meaning = "migrations since it started",
   .kind = Kind::total, .least_width = 8, .most_width = 8, .rank = 15, .descending = true,
   .place = Place::files, .needs = TS_HAVE_MIGRATIONS,
   .of_thread = [](Thread t) { return total(t, TS_HAVE_MIGRATIONS, t.row.migrations); }},
  {.id = ColumnId::loop_pct, .name = "loop_pct", .heading = "LOOP%",
   .meaning = "its event loop's utilisation: the time in turns, %",
   .kind = Kind::percent, .least_width = 5, .most_width = 6, .rank = 2, .descending = true,
   .loops = true, .of_thread = [](Thread t) { return utilisation(t.loop); },
   .of_process = [](Proc p) { return utilisation(p.loop); }},
  {.id = ColumnId::longest_turn_ms, .name = "longest_turn_ms", .heading = "TURNms",
   .meaning = "the longest turn of its event loop, ms",
   .kind = Kind::fine, .least_width = 6, .most_width = 6, .rank = 3, .descending = true,
   .loops = true, .of_thread = [](Thread t) { return longest_turn_ms(t.loop); },
   .of_process = [](Proc p) { return longest_turn_ms(p.loop); }},
  {.id = ColumnId::sleeps_in, .name = "sleeps_in", .heading = "SLEEPS IN",
   .meaning = "the system call it sleeps in, or the lock",
   .kind = Kind::text, .least_width = 17, .most_width = 60, .rank = 7, .descending = false,
   .needs = TS_HAVE_SYSCALL, .tells_of = is_in_call, .text_of_thread = sleeps_in},
};
// clang-format on

// Each id has its row, at its place.
static_assert(std::size(table) == column_count);
static_assert([] {
  for (size_t i = 0; i < column_count; ++i)
    if (table[i].id != static_cast<ColumnId>(i)) return false;
  return true;
}());

// What top, htop and ps call these columns.
struct Alias {
  std::string_view name;
  ColumnId id;
};
constexpr Alias aliases[] = {
    {"cpu", ColumnId::cpu_pct},
    {"cpu%", ColumnId::cpu_pct},
    {"pcpu", ColumnId::cpu_pct},
    {"percent_cpu", ColumnId::cpu_pct},
    {"pid", ColumnId::tgid},
    {"lwp", ColumnId::tid},
    {"spid", ColumnId::tid},
    {"command", ColumnId::comm},
    {"cmd", ColumnId::comm},
    {"s", ColumnId::state},
    {"p", ColumnId::cpu},
    {"psr", ColumnId::cpu},
    {"processor", ColumnId::cpu},
    {"pri", ColumnId::prio},
    {"priority", ColumnId::prio},
    {"cls", ColumnId::policy},
    {"vcsw", ColumnId::nvcsw_per_s},
    {"ivcsw", ColumnId::nivcsw_per_s},
    {"voluntary", ColumnId::nvcsw_per_s},
    {"involuntary", ColumnId::nivcsw_per_s},
    {"core", ColumnId::cpu},
    {"wait", ColumnId::wait_ms_per_s},
    {"p99", ColumnId::wait_p99_us},
    {"nlwp", ColumnId::threads},
    {"nth", ColumnId::threads},
    {"wchan", ColumnId::sleeps_in},
    {"preemptor", ColumnId::top_preemptor},
    {"waker", ColumnId::top_waker},
    {"loop", ColumnId::loop_pct},
    {"elu", ColumnId::loop_pct},
};

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string all_names() {
  std::string names;
  for (const Column& c : table) {
    if (!names.empty()) names += ", ";
    names += c.id == ColumnId::cpu ? "core" : c.name;
  }
  return names;
}

template <typename Row>
std::string_view write(Figure (*number)(const Row&), std::string_view (*text)(const Row&, Scratch&),
                       Kind kind, const Row& row, Scratch& scratch) {
  if (number != nullptr) {
    const Figure figure = number(row);
    return figure && std::isfinite(*figure) ? compact(*figure, kind, scratch) : "-";
  }
  if (text == nullptr) return {};
  const std::string_view written = text(row, scratch);
  return written.empty() ? "-" : printable(written, scratch);
}

}  // namespace

std::span<const Column> columns() { return table; }

const Column& column(ColumnId id) { return table[static_cast<size_t>(id)]; }

const Column& find_column(std::string_view name) {
  for (const Alias& alias : aliases)
    if (same(alias.name, name)) return column(alias.id);
  for (const Column& c : table)
    if (same(c.name, name) || same(c.heading, name)) return c;
  throw BadUsage("there is no column '" + std::string(name) + "'; choose one of " + all_names());
}

std::string_view cell(const Column& column, const model::Thread& thread, Scratch& scratch) {
  return write(column.of_thread, column.text_of_thread, column.kind, thread, scratch);
}

std::string_view cell(const Column& column, const Process& process, Scratch& scratch) {
  return write(column.of_process, column.text_of_process, column.kind, process, scratch);
}

bool measured(const Column& column, const model::Frame& frame) {
  if (column.aggregate && frame.mode != Mode::aggregate) return false;
  if (column.loops && !frame.has_loops) return false;
  // Before the first row came, nothing is known to be missing.
  return frame.have == 0 || (frame.have & column.needs) == column.needs;
}

namespace {

bool is_missed(const Column& column, const model::Frame& frame) {
  if (measured(column, frame)) return false;
  return std::any_of(frame.threads.begin(), frame.threads.end(), [&](const model::Thread* t) {
    return !t->ended && (column.tells_of == nullptr || column.tells_of(*t));
  });
}

}  // namespace

std::string lost_columns(const model::Frame& frame) {
  std::string lost;
  for (const Column& c : table) {
    if (c.place == Place::files || c.loops || !is_missed(c, frame)) continue;
    if (!lost.empty()) lost += ' ';
    lost += c.heading;
  }
  return lost;
}

}  // namespace timeslice::view
