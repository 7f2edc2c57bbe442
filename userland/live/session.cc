// SPDX-License-Identifier: MIT
#include "live/session.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/failure.h"
#include "live/node_processes.h"

namespace timeslice::live {

Session::Session(Watch watch)
    : watch_(std::move(watch)),
      tracker_(look_up_.functions(),
               [this](const model::Process& process, const ts_thread_row& first) {
                 return selected(process, first);
               }) {
  if (!watch_.cgroup.empty()) cgroups_.emplace(watch_.cgroup);
  observe::Opened opened = observe::open_best_source(watch_.from, watch_.probes, watch_.tgids);
  source_ = std::move(opened.source);
  note_ = std::move(opened.note);
  if (cgroups_ && source_->mode() == Mode::proc)
    throw Failure("proc mode doesn't know a thread's cgroup; run as root to use --cgroup");
}

bool Session::selected(const model::Process& process, const ts_thread_row& first) const {
  if (!watch_.comm_glob.empty() && fnmatch(watch_.comm_glob.c_str(), process.comm.c_str(), 0) != 0)
    return false;
  return !cgroups_ || cgroups_->holds(first.cgroup_id);
}

const model::Frame& Session::advance() {
  if (cgroups_) cgroups_->refresh();
  const model::Frame& frame = tracker_.advance(source_->read());
  if (watch_.loops) show_loops(frame);
  return frame;
}

// Nobody's memory keeps a refresh waiting: it has no loops then.
void Session::show_loops(const model::Frame& frame) {
  constexpr std::chrono::milliseconds kPatience{100};
  std::vector<uint32_t> tgids;
  for (const model::Process* process : frame.processes)
    if (has_loops_to_watch(*process)) tgids.push_back(process->tgid);
  if (!loop_watch_ && tgids.empty()) return;
  try {
    if (!loop_watch_) loop_watch_ = std::make_unique<LoopWatch>(tgids, LoopWatchOptions());
    loop_watch_->watch(std::move(tgids));
    loops_ = loop_watch_->take(kPatience);
  } catch (const Failure& failure) {  // the rest can be shown all the same
    note_ = failure.what();
    watch_.loops = false;
    return;
  }
  tracker_.show_loops(loops_);
}

bool Session::climb() {
  try {
    source_ = observe::open_sched_source(watch_.tgids);
    note_.clear();
    return true;
  } catch (const Failure& failure) {
    note_ = failure.what();
    return false;
  }
}

void Session::descend() {
  if (std::string(source_->name()) == "kmod") {
    note_ = "the module keeps counting while it is loaded; rmmod timeslice stops it";
    return;
  }
  observe::Opened opened =
      observe::open_best_source(watch_.from, observe::Probes::none, watch_.tgids);
  source_ = std::move(opened.source);
  note_ = std::move(opened.note);
}

bool Session::watched_are_gone() const {
  return !watch_.tgids.empty() &&
         std::none_of(watch_.tgids.begin(), watch_.tgids.end(), observe::process_exists);
}

}  // namespace timeslice::live
