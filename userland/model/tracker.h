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

#include "bpf/wire.h"
#include "model/frame.h"
#include "model/group.h"

namespace timeslice::model {

// One pass, as a source hands it out: rows of bpf/wire.h, nothing kept beyond the call.
struct Pass {
  const ts_snapshot_header* header;
  std::span<const ts_thread_row* const> threads;
  std::span<const ts_sched_row* const> scheds;  // empty, or one a thread: null where it has none
  std::span<const uint32_t> news;               // indices of the rows that changed
  std::span<const ts_core_row> cores;
  std::string source, rung;
};

// Which processes are shown? Empty function: all.
using Selection = std::function<bool(const Process& process, const ts_thread_row& first)>;

class Tracker {
 public:
  explicit Tracker(LookUp look_up = {}, Selection selection = {});
  ~Tracker();

  // The frame lives, and its pointers are valid, until the next advance.
  const Frame& advance(const Pass& pass);

 private:
  // By tid, of which a replay may have two: one that has ended, and who was given its number.
  using Loose = std::unordered_multimap<uint32_t, std::unique_ptr<Tracked>>;

  void match(const Pass& pass);
  void take_loose(const Pass& pass, Loose& loose);
  void place(const Pass& pass, Loose& loose);
  std::unique_ptr<Tracked> begin(const ts_thread_row& row);
  void end(std::unique_ptr<Tracked> tracked);
  void update(Tracked& tracked, const ts_thread_row& row, const ts_sched_row* sched);
  void settle();
  Group& group_of(uint32_t tgid);
  void refresh_groups();
  void ask_ahead();
  void fill_frame(const Pass& pass);
  void fill_cores(std::span<const ts_core_row> cores);
  void fill_trust(const Pass& pass);

  LookUp look_up_;
  Selection selection_;
  std::vector<std::unique_ptr<Tracked>> threads_;  // in the order of the source's rows
  std::vector<std::unique_ptr<Tracked>> ended_;    // since the last pass
  std::vector<Tracked*> active_;                   // got a row at the last pass
  std::vector<Tracked*> active_before_;
  std::vector<std::unique_ptr<Group>> groups_;  // by tgid
  std::vector<ts_core_row> cores_before_;
  ts_snapshot_header before_{};
  Figure interval_s_;
  uint64_t passes_ = 0;
  uint64_t now_ns_ = 0;
  bool aggregate_before_ = false;
  Frame frame_;
};

}  // namespace timeslice::model
