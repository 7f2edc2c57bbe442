// SPDX-License-Identifier: MIT
// What changed since the last look? A refresh costs what changed, not what there is: threads that
// slept all the time are not even touched. The Tracker takes a source's rows, pass by pass, and
// keeps the Frame that the views show: rates, processes, roles, trust. It makes no system call;
// what it needs to know of a process beyond its rows is looked up through the functions it was
// given, once for each new process and each new thread.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "bpf/snapshot.h"
#include "model/frame.h"
#include "model/group.h"

namespace timeslice::model {

// Which processes are shown? Empty function: all.
using Selection = std::function<bool(const Process& process, const ts_thread_row& first)>;

class Tracker {
 public:
  explicit Tracker(LookUp look_up = {}, Selection selection = {});
  ~Tracker();

  // The frame lives, and its pointers are valid, until the next advance.
  const Frame& advance(const Snapshot& pass);
  // Of threads in the present frame, what their event loops did; `loops` lives as long as that.
  void show_loops(const LoopFrame& loops);

 private:
  // By tid, of which a replay may have two: one that has ended, and who was given its number.
  using Loose = std::unordered_multimap<uint32_t, std::unique_ptr<Tracked>>;

  void match(const Snapshot& pass);
  void take_loose(const Snapshot& pass, Loose& loose);
  void place(const Snapshot& pass, Loose& loose);
  std::unique_ptr<Tracked> begin(const ts_thread_row& row);
  void end(std::unique_ptr<Tracked> tracked);
  void update(Tracked& tracked, const ts_thread_row& row, const ts_sched_row* sched);
  void settle();
  Group& group_of(uint32_t tgid);
  void refresh_groups();
  void ask_ahead();
  void fill_frame(const Snapshot& pass);
  void fill_cores(std::span<const ts_core_row> cores);
  void fill_trust(const Snapshot& pass);
  void forget_loops();

  LookUp look_up_;
  Selection selection_;
  std::vector<std::unique_ptr<Tracked>> threads_;  // in the order of the source's rows
  std::vector<std::unique_ptr<Tracked>> ended_;    // since the last pass
  std::vector<Tracked*> active_;                   // got a row at the last pass
  std::vector<Tracked*> active_before_;
  std::vector<std::unique_ptr<Group>> groups_;  // by tgid
  std::vector<Thread*> with_loops_;
  std::vector<ts_core_row> cores_before_;
  ts_snapshot_header before_{};
  Figure interval_s_;
  uint64_t passes_ = 0;
  uint64_t now_ns_ = 0;
  bool aggregate_before_ = false;
  Frame frame_;
};

}  // namespace timeslice::model
