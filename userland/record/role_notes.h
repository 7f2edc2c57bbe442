// SPDX-License-Identifier: MIT
// What is each thread for, and what runs in each process? The recorder looks now and then, as top
// does, and writes down what is new or surer than what it wrote before.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/thread_key.h"
#include "live/look_up.h"
#include "model/tracker.h"
#include "observe/source.h"
#include "record/look_times.h"
#include "trace/writer.h"

namespace timeslice::record {

class RoleNotes {
 public:
  explicit RoleNotes(std::function<bool(uint32_t tgid)> is_recorded);
  RoleNotes(const RoleNotes&) = delete;
  RoleNotes& operator=(const RoleNotes&) = delete;

  // From a pass that was made for something else.
  void learn(const Snapshot& snapshot);
  // Makes a pass of its own, if one is due; writes what is new.
  void look(observe::Source& source, trace::Writer& writer, uint64_t now_ns);
  void look_if_due(observe::Source& source, trace::Writer& writer, uint64_t now_ns);
  // A thread was born, or began another program.
  void note(const ts_event_identity& identity) { times_.note(identity); }

  // All that is known: the first thing of a file, or of a segment that could begin one.
  void write_all(trace::Writer& writer);
  // What has changed since the last pass.
  void write_changed(trace::Writer& writer);

  // The recorded processes that run it, as of the last pass.
  [[nodiscard]] std::vector<uint32_t> processes_running(std::string_view runtime) const;

 private:
  void write_runtimes(trace::Writer& writer);
  void write_runtime(trace::Writer& writer, const model::Process& process, uint64_t start_ns);
  void write_role(trace::Writer& writer, const model::Thread& thread);

  live::LookUps look_ups_;
  model::Tracker tracker_;
  const model::Frame* frame_ = nullptr;
  uint64_t looks_ = 0;
  LookTimes times_;
  std::unordered_map<ThreadKey, double> confidence_written_;
  std::unordered_map<ThreadKey, std::string> runtime_written_;
};

}  // namespace timeslice::record
