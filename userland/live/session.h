// SPDX-License-Identifier: MIT
// How do a source and the model become frames? A Session observes the machine continuously: it
// holds the current mode, switches between modes, and advances the tracker. No screen and no clock
// here.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "live/look_up.h"
#include "live/loop_watch.h"
#include "model/tracker.h"
#include "observe/modes.h"
#include "observe/targets.h"

namespace timeslice::live {

struct Watch {
  observe::From from = observe::From::bpf;
  observe::Probes probes = observe::Probes::none;
  std::vector<uint32_t> tgids;  // empty: all
  std::string comm_glob;        // empty: all
  std::string cgroup;           // empty: all
  bool loops = false;           // of every Node process in view, as well
};

class Session {
 public:
  explicit Session(Watch watch);  // throws Failure if no mode can serve the request

  // The machine now; rates since the call before. Valid until the next call. Throws Failure.
  const model::Frame& advance();

  // To aggregate mode. False, with the reason in note(): not available, nothing changed.
  bool climb();
  void descend();

  // Why the mode isn't the requested one; empty if it is.
  [[nodiscard]] const std::string& note() const { return note_; }
  // True once none of the processes that were asked for by id is left.
  [[nodiscard]] bool watched_are_gone() const;

 private:
  bool selected(const model::Process& process, const ts_thread_row& first) const;
  void show_loops(const model::Frame& frame);

  Watch watch_;
  std::optional<observe::CgroupTree> cgroups_;
  LookUps look_up_;
  std::unique_ptr<observe::Source> source_;
  std::string note_;
  model::Tracker tracker_;
  std::unique_ptr<LoopWatch> loop_watch_;  // null: there was no Node process yet
  model::LoopFrame loops_;
};

}  // namespace timeslice::live
