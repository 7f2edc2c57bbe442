// SPDX-License-Identifier: MIT
#include "live/uring_watch.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "base/failure.h"
#include "observe/command_line.h"
#include "observe/modes.h"
#include "observe/targets.h"

namespace timeslice::live {

namespace {

model::UringRing ring_of(uint32_t tgid, const observe::RingInfo& info) {
  model::UringRing ring;
  ring.tgid = tgid;
  ring.fd = info.fd;
  ring.sq_entries = info.sq_entries;
  ring.sq_waiting = info.sq_waiting;
  ring.cq_entries = info.cq_entries;
  ring.cq_unread = info.cq_unread;
  ring.sq_thread = info.sq_thread;
  ring.sq_thread_cpu = info.sq_thread_cpu;
  ring.sq_work_ratio = info.sq_work_ratio();
  ring.files = info.files;
  ring.buffers = info.buffers;
  ring.polls = info.polls;
  ring.overflow = info.overflow;
  return ring;
}

std::string why_refused(int error) {
  if (error == 0) return "";
  return error == ENOENT || error == ESRCH ? "it has ended" : std::strerror(error);
}

}  // namespace

UringWatch::UringWatch(const std::vector<uint32_t>& tgids) {
  for (const uint32_t tgid : tgids)
    processes_.push_back({tgid, observe::RingFinder(tgid), observe::command_line(tgid)});
  observe::Opened opened =
      observe::open_best_source(observe::From::bpf, observe::Probes::none, tgids);
  source_ = std::move(opened.source);
  note_ = std::move(opened.note);
  try {
    events_ = std::make_unique<observe::UringEvents>(observe::UringChoice{.tgids = tgids});
  } catch (const Failure& failure) {
    note_ = std::string("showing rings and threads only: ") + failure.what();
  }
  take();  // from here on
}

void UringWatch::read_rings(model::UringFrame& frame, model::UringReading& reading) {
  frame.all_gone = true;
  for (Process& process : processes_) {
    frame.all_gone &= !observe::process_exists(process.tgid);
    int refused = 0;
    for (const observe::RingInfo& info : process.rings.read(refused)) {
      frame.rings.push_back(ring_of(process.tgid, info));
      if (info.sq_thread) reading.sq_threads.insert(static_cast<uint32_t>(*info.sq_thread));
    }
    frame.processes.push_back(
        {process.tgid, process.command, why_refused(refused), process.rings.cut()});
  }
}

model::UringFrame UringWatch::take() {
  model::UringFrame frame;
  model::UringReading reading;
  read_rings(frame, reading);
  reading.time_ns = frame.time_ns = monotonic_ns();
  if (events_) {
    observe::UringTotals totals = events_->read();
    reading.has_ops = true;
    reading.ops = std::move(totals.ops);
    reading.submitters.insert(totals.submitters.begin(), totals.submitters.end());
    reading.overflows = totals.overflows;
    reading.missed_runs = totals.missed_runs;
    reading.probe_ns = totals.probe_ns;
    reading.probe_ops = totals.probe_ops;
  }
  reading.threads = source_->read().threads;
  frame.figures = interval_.advance(reading);
  frame.source = source_->name();
  frame.note = note_;
  return frame;
}

}  // namespace timeslice::live
