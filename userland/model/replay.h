// SPDX-License-Identifier: MIT
// What would a look at the machine have shown at some moment of a recording? A Replay takes the
// recording's events in the order of time, and hands out at any moment the rows that a source on
// aggregate mode would have read then: what the kernel had counted of each thread when the
// recording began, and what the events have added since. The Tracker can't tell it from a live one.
//
// The History does the counting, so that what is replayed adds up to what `report` says. A Replay
// can be copied, so whoever keeps copies can go back in time. It makes no system call.
#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "bpf/wire.h"
#include "model/history.h"
#include "model/tracker.h"

namespace timeslice::model {

class Replay {
 public:
  explicit Replay(const HistoryInfo& info);

  // Before the first event: who is there when the recording begins, and at its end.
  void opening(const ts_thread_row& row);
  void closing(const ts_thread_row& row) { history_.closing(row); }
  // In the order of time.
  void event(const ts_event& event);

  // How things stand at `now_ns`, not before the last event. Valid until the next call of anything.
  // A thread that ended since the pass before is in it once more, with its last totals and state X;
  // from the next pass on they are in the sums of its process's first thread. That one stays as
  // long as any other, as it does in the kernel: in state Z.
  const Snapshot& pass(uint64_t now_ns);
  // The next pass is for a Tracker that has seen none: all its rows are news.
  void begin_anew() { order_.clear(); }

  // Of all that it has met; what a copy takes grows with them.
  [[nodiscard]] size_t thread_count() const { return lives_.size(); }

 private:
  // What a thread's rows have beyond its History.
  struct Life {
    ts_thread_row before{};  // its totals when the recording began
    ts_thread_row row{};     // as last handed out
    ts_sched_row sched{};
    uint64_t start_ns = 0;    // where nobody has told it: apart from that of others with its number
    char letter = 0;          // 0: not known
    bool introduced = false;  // by a row, or by its fork
    bool touched = true;      // by an event since its row was written
    bool buried = false;      // it has ended, and a pass has said so
  };

  struct Holder {
    uint32_t life = 0;
    uint64_t start_ns = 0;
  };

  // What the threads of a process did that are buried, for which its first thread's row has room.
  struct EndedSums {
    uint32_t first_life = 0;  // earlier ones belonged to a process that had this number before
    uint64_t cpu_ns = 0, nvcsw = 0, nivcsw = 0;
  };

  void add_new_lives(uint64_t now_ns);
  void on_switch(const ts_event_switch& record);
  void on_wake(const ts_event_wake& record);
  void on_fork(const ts_event_identity& record);
  void on_exec(const ts_event_identity& record);
  void touch(uint32_t index);
  void bury(uint32_t index);
  [[nodiscard]] bool is_zombie(uint32_t index);
  [[nodiscard]] bool has_other_sums(uint32_t index) const;
  void count_preemptor(Life& life, uint32_t tid);
  void count_waker(Life& life, const ts_event_wake& record);
  void name_peer(ts_peer& peer, uint32_t tid) const;
  [[nodiscard]] bool is_shown(uint32_t index) const;
  void write_rows(uint64_t now_ns);
  bool write_row(uint32_t index, const History::Doing& doing);
  void write_totals(uint32_t index, const History::Doing& doing);
  void write_sched(uint32_t index, const History::Doing& doing);
  void write_cores(uint64_t now_ns);
  void write_header(uint64_t now_ns);

  History history_;
  std::vector<Life> lives_;                             // beside the history's threads
  std::unordered_map<uint32_t, Holder> holders_;        // by number: the last one that had it
  std::unordered_map<uint32_t, EndedSums> ended_sums_;  // by tgid
  std::vector<uint32_t> order_;                         // whose rows the last pass had
  std::vector<uint32_t> queued_;                        // by core: who runs there, or waits for it
  // By tgid, of the pass that is being made: where threads live on. Looked up when first asked for.
  std::optional<std::unordered_set<uint32_t>> living_;
  uint64_t forked_ = 0, ended_ = 0, lost_ = 0;

  Snapshot pass_;
};

}  // namespace timeslice::model
