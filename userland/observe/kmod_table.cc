// SPDX-License-Identifier: MIT
#include "observe/kmod_table.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

#include "base/failure.h"

namespace timeslice::observe {

namespace {

[[noreturn]] void broken(std::string_view what) {
  throw Failure("/proc/timeslice has no " + std::string(what) +
                " where one is expected; load the module that was built with this program");
}

// What is left of a text, taken from its front.
class Words {
 public:
  explicit Words(std::string_view text) : left_(text) {}

  [[nodiscard]] bool done() const { return left_.empty(); }

  std::string_view until(char end) {
    const size_t at = std::min(left_.find(end), left_.size());
    const std::string_view word = left_.substr(0, at);
    left_.remove_prefix(std::min(at + 1, left_.size()));
    return word;
  }
  std::string_view line() { return until('\n'); }
  // The next word of a line; blanks before it don't count.
  std::string_view word(std::string_view what) {
    left_.remove_prefix(std::min(left_.find_first_not_of(' '), left_.size()));
    const std::string_view word = until(' ');
    if (word.empty()) broken(what);
    return word;
  }

 private:
  std::string_view left_;
};

template <typename Number>
Number number_of(std::string_view word, std::string_view what) {
  Number number{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) broken(what);
  return number;
}

template <typename Number>
void take(Words& words, Number& number, std::string_view what) {
  number = number_of<Number>(words.word(what), what);
}

// "-": this kernel doesn't have the figure, or it wasn't available at this moment.
template <typename Number>
bool take_if_there(Words& words, Number& number, std::string_view what) {
  const std::string_view word = words.word(what);
  if (word == "-") return false;
  number = number_of<Number>(word, what);
  return true;
}

// A comm, in which the module writes what would end a word as \ooo.
void take_comm(std::string_view word, char (&comm)[TS_COMM_SIZE]) {
  size_t length = 0;
  if (word == "-") word = {};
  while (!word.empty() && length < TS_COMM_SIZE - 1) {
    unsigned octal = 0;
    if (word[0] == '\\' && word.size() >= 4 &&
        std::from_chars(word.data() + 1, word.data() + 4, octal, 8).ptr == word.data() + 4) {
      comm[length++] = static_cast<char>(octal);
      word.remove_prefix(4);
    } else {
      comm[length++] = word[0];
      word.remove_prefix(1);
    }
  }
  std::memset(comm + length, 0, TS_COMM_SIZE - length);
}

void take_identity(Words& words, ts_thread_row& row) {
  take(words, row.tid, "tid");
  take(words, row.tgid, "tgid");
  take(words, row.ppid, "ppid");
  row.state = words.word("state")[0];
  take(words, row.cpu, "core");
  take(words, row.prio, "priority");
  take(words, row.nice, "nice value");
  take(words, row.policy, "policy");
  const std::string_view flags = words.word("flags");
  row.flags = (flags[0] == 'K' ? uint32_t{TS_THREAD_KERNEL} : 0) |
              (flags[0] == 'W' ? uint32_t{TS_THREAD_IO_WORKER} : 0) |
              (flags.back() == 'r' ? uint32_t{TS_THREAD_ON_CPU} : 0);
  row.record.have |= TS_HAVE_FLAGS | TS_HAVE_ON_CPU;
}

void take_kernels_figures(Words& words, ts_thread_row& row) {
  take(words, row.nvcsw, "nvcsw");
  take(words, row.nivcsw, "nivcsw");
  take(words, row.cpu_ns, "cpu_ns");
  const bool waits = take_if_there(words, row.run_delay_ns, "run_delay_ns");
  const bool pending = take_if_there(words, row.pending_wait_ns, "pending_ns");
  take_if_there(words, row.slices, "slices");
  take(words, row.migrations, "migrated");
  row.record.have |= TS_HAVE_SWITCHES | TS_HAVE_CPU | TS_HAVE_MIGRATIONS;
  row.record.have |=
      (waits ? uint32_t{TS_HAVE_WAIT} : 0) | (pending ? uint32_t{TS_HAVE_PENDING} : 0);
}

// A row that changed whenever the module looked holds none of them: then its kind is 0.
void take_our_figures(Words& words, ts_sched_row& row) {
  bool whole = true;
  for (__u64* figure : {&row.voluntary, &row.involuntary, &row.missed, &row.waits,
                        &row.missed_waits, &row.wait_sum_ns, &row.wait_max_ns})
    whole = take_if_there(words, *figure, "count") && whole;
  for (const ts_context context : {TS_CONTEXT_TASK, TS_CONTEXT_SOFTIRQ, TS_CONTEXT_HARDIRQ})
    whole = take_if_there(words, row.wakeups[context], "count of wake-ups") && whole;
  if (!whole) row.record.kind = 0;
}

void take_ended(Words& words, ts_thread_row& row) {
  bool whole = take_if_there(words, row.ended_cpu_ns, "ended_cpu_ns");
  whole = take_if_there(words, row.ended_nvcsw, "ended_nvcsw") && whole;
  whole = take_if_there(words, row.ended_nivcsw, "ended_nivcsw") && whole;
  if (whole) row.record.have |= TS_HAVE_ENDED_CPU | TS_HAVE_ENDED_SWITCHES;
}

void take_sleep(Words& words, ts_thread_row& row) {
  row.syscall_nr = -1;
  const bool known = take_if_there(words, row.syscall_nr, "system call");
  for (__u64& argument : row.syscall_args) take_if_there(words, argument, "argument");
  take_if_there(words, row.user_sp, "stack pointer");
  if (known) row.record.have |= TS_HAVE_SYSCALL;
}

uint32_t context_of(std::string_view letter) {
  if (letter == "t") return TS_CONTEXT_TASK;
  if (letter == "s") return TS_CONTEXT_SOFTIRQ;
  if (letter == "h") return TS_CONTEXT_HARDIRQ;
  if (letter == "?") return TS_CONTEXT_UNKNOWN;
  broken("context of a peer");
}

void take_peers(std::string_view list, ts_peer (&peers)[TS_PEERS]) {
  if (list == "-") return;
  Words words(list);
  for (size_t i = 0; !words.done(); ++i) {
    if (i == TS_PEERS) broken("end of a list of peers");
    Words parts(words.until(';'));
    ts_peer& peer = peers[i];
    peer.context = context_of(parts.until(':'));
    peer.tid = peer.kernel_tid = number_of<uint32_t>(parts.until(':'), "peer's tid");
    peer.count = number_of<uint64_t>(parts.until(':'), "peer's count");
    peer.error = number_of<uint64_t>(parts.until(':'), "peer's error");
    take_comm(parts.until('\n'), peer.comm);
  }
}

void take_waits(std::string_view list, uint32_t (&histogram)[TS_WAIT_BUCKETS]) {
  if (list == "-") return;
  for (Words words(list); !words.done();) {
    Words parts(words.until(','));
    const auto bucket = number_of<uint32_t>(parts.until(':'), "bucket of waits");
    if (bucket >= TS_WAIT_BUCKETS) broken("bucket of waits");
    histogram[bucket] = number_of<uint32_t>(parts.until('\n'), "count of waits");
  }
}

void take_thread(std::string_view line, ts_thread_row& row, ts_sched_row& sched) {
  Words words(line);
  row.record = {TS_RECORD_THREAD, sizeof(row), 0};
  sched.record = {TS_RECORD_SCHED, sizeof(sched), 0};
  take_identity(words, row);
  take_kernels_figures(words, row);
  take_our_figures(words, sched);
  take_comm(words.word("comm"), row.comm);
  take(words, row.start_ns, "start_ns");
  take(words, row.vruntime_ns, "vruntime_ns");
  take(words, row.cgroup_id, "cgroup");
  row.record.have |= TS_HAVE_VRUNTIME | TS_HAVE_CGROUP;
  take_ended(words, row);
  take_sleep(words, row);
  take(words, sched.since_ns, "since_ns");
  sched.last_preemptor = sched.last_waker = TS_PEERS;
  take_if_there(words, sched.last_preemptor, "last preemptor");
  take_if_there(words, sched.last_waker, "last waker");
  sched.last_preemptor = std::min<uint32_t>(sched.last_preemptor, TS_PEERS);
  sched.last_waker = std::min<uint32_t>(sched.last_waker, TS_PEERS);
  take_peers(words.word("preemptors"), sched.preemptors);
  take_peers(words.word("wakers"), sched.wakers);
  take_waits(words.word("waits"), sched.wait_hist);
}

void expect(Words& words, std::string_view wanted) {
  if (words.word(wanted) != wanted) broken(wanted);
}

// "timeslice 1 WHAT time_ns N …", and a line of headings. Returns the words after `time_ns`.
Words take_head(Words& lines, std::string_view what) {
  Words head(lines.line());
  for (const std::string_view word :
       {std::string_view("timeslice"), std::string_view("1"), what, std::string_view("time_ns")})
    expect(head, word);
  lines.line();
  return head;
}

}  // namespace

void parse_kmod_threads(std::string_view text, KmodThreads& into) {
  Words lines(text);
  Words head = take_head(lines, "threads");
  take(head, into.time_ns, "time");
  expect(head, "observed");
  uint64_t observed = 0;
  into.refused_limit = into.refused_memory = 0;
  take_if_there(head, observed, "number of threads");
  expect(head, "refused_limit");
  take_if_there(head, into.refused_limit, "count of refusals");
  expect(head, "refused_memory");
  take_if_there(head, into.refused_memory, "count of refusals");
  into.rows.clear();
  into.scheds.clear();
  while (!lines.done())
    take_thread(lines.line(), into.rows.emplace_back(), into.scheds.emplace_back());
}

void parse_kmod_cores(std::string_view text, KmodCores& into) {
  Words lines(text);
  take_head(lines, "cores");
  into.rows.clear();
  into.unseeded_switches = 0;
  while (!lines.done()) {
    Words words(lines.line());
    ts_core_row row{};
    row.record = {TS_RECORD_CORE, sizeof(row), TS_HAVE_CORE_QUEUE};
    uint64_t online = 0, unseeded = 0;
    take(words, row.cpu, "core");
    take(words, online, "online");
    if (take_if_there(words, row.switches, "switches"))
      row.record.have |= TS_HAVE_CORE_SWITCHES | TS_HAVE_CORE_BUSY;
    take_if_there(words, row.busy_ns, "busy_ns");
    take_if_there(words, row.idle_ns, "idle_ns");
    take_if_there(words, unseeded, "unseeded");
    take(words, row.queue_len, "queue");
    into.unseeded_switches += unseeded;
    if (online != 0) into.rows.push_back(row);
  }
}

}  // namespace timeslice::observe
