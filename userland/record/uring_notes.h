// SPDX-License-Identifier: MIT
// What does io_uring do for the recorded processes? Probes follow its requests meanwhile; what they
// have counted is written down at each flush, ring by ring. Whatever becomes of that, the recording
// goes on, and a sentence says what is missing.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "model/uring_threads.h"
#include "observe/source.h"
#include "observe/uring_events.h"
#include "trace/writer.h"

namespace timeslice::record {

class UringNotes {
 public:
  // Follows them from here on. `filter`: a stream's, or negative for the whole machine.
  UringNotes(int filter, std::function<bool(uint32_t tgid)> is_recorded, bool quiet);

  // What was done before this moment isn't recorded. Times are the records' clock.
  void begin(uint64_t now_ns);
  // Writes what was done since the last time.
  void write_new(trace::Writer& writer, uint64_t now_ns);
  // What a file that begins here has to be told again.
  void begin_file() { next_states_ = {}; }

  // No probe is left from now on.
  void detach() { events_.reset(); }

  // Once it has ended: why there is nothing of io_uring; empty: there is.
  [[nodiscard]] std::string what_is_missing() const;

 private:
  using Clock = std::chrono::steady_clock;
  using Ring = std::pair<uint32_t, int32_t>;  // tgid and descriptor
  using Stretches = std::map<Ring, trace::RingStretchNote>;
  struct Known {
    uint64_t address = 0, since_ns = 0;  // of several that had this number, the last one's
    bool rests = true;                   // nothing done or in flight when it was last written
    bool told = false;
  };

  void write(trace::Writer& writer, uint64_t now_ns);
  void take_ops(const observe::UringTotals& totals, Stretches& stretches);
  void take_rings(const observe::UringTotals& totals, Stretches& stretches);
  void write_trust(trace::Writer& writer, const observe::UringTotals& totals, uint64_t now_ns);
  [[nodiscard]] std::map<uint32_t, model::UringThreadGroups> take_threads(
      const observe::UringTotals& totals);
  void write_threads(trace::Writer& writer, const observe::UringTotals& totals, uint64_t now_ns);
  void write_states(trace::Writer& writer, uint64_t now_ns);
  bool write_state(trace::Writer& writer, const Ring& whose, uint64_t now_ns);
  void give_up(const std::string& why);

  std::function<bool(uint32_t tgid)> is_recorded_;
  bool quiet_;
  std::unique_ptr<observe::UringEvents> events_;  // null: it can't be recorded
  std::unique_ptr<observe::Source> source_;
  std::string trouble_;
  bool seen_any_ = false;
  uint64_t last_ns_ = 0;
  observe::UringTotals before_;
  std::map<std::pair<Ring, uint32_t>, ts_uring_op> ops_before_;  // by ring and opcode
  std::map<Ring, Known> rings_;
  std::map<uint32_t, std::string> names_;  // of their processes
  std::set<uint32_t> sq_threads_;
  model::UringThreadsInterval threads_;
  Clock::time_point next_states_{};
  Ring next_state_{};  // the first one for which there was no time
};

}  // namespace timeslice::record
