// SPDX-License-Identifier: MIT
// Which frames do the views' tests show? Small made-up machines, built thread by thread: a view
// can't tell them from a real one.
#pragma once
#include <algorithm>
#include <cstring>
#include <deque>
#include <string>

#include "model/frame.h"

namespace timeslice::test {

// Owns what the frame's pointers point to, as the tracker does.
class MadeFrame {
 public:
  explicit MadeFrame(Mode mode = Mode::count) {
    frame_.time_ns = 1'000'000'000;
    frame_.interval_s = 1;
    frame_.source = "bpf";
    frame_.mode = mode;
    frame_.have = TS_HAVE_SWITCHES | TS_HAVE_CPU | TS_HAVE_WAIT | TS_HAVE_PENDING |
                  TS_HAVE_MIGRATIONS | TS_HAVE_SYSCALL | TS_HAVE_ON_CPU | TS_HAVE_FLAGS;
  }
  MadeFrame(const MadeFrame&) = delete;
  MadeFrame& operator=(const MadeFrame&) = delete;

  model::Process& process(uint32_t tgid, const std::string& comm, const std::string& runtime = "") {
    model::Process& p = processes_.emplace_back();
    p.tgid = tgid;
    p.comm = comm;
    p.runtime = runtime;
    return p;
  }

  // A sleeper of the newest process, with all totals measured.
  model::Thread& thread(uint32_t tid, const std::string& comm, const std::string& role = "thread") {
    model::Thread& t = threads_.emplace_back();
    model::Process& p = processes_.back();
    t.process = &p;
    t.role.name = role;
    t.row.record.have = frame_.have;
    t.row.tgid = p.tgid;
    t.row.tid = tid;
    t.row.start_ns = tid * 1'000ULL;
    t.row.state = 'S';
    t.row.prio = 20;
    std::memcpy(t.row.comm, comm.data(), std::min<size_t>(comm.size(), TS_COMM_SIZE - 1));
    return t;
  }

  model::Core& core(double busy, double switches) {
    model::Core c;
    c.cpu = static_cast<uint32_t>(frame_.cores.size());
    c.busy_ratio = busy;
    c.switches_per_s = switches;
    c.queue_len = busy > 0.5 ? 2 : 0;
    return frame_.cores.emplace_back(c);
  }

  // The frame of all that was added so far; sums are made anew.
  model::Frame& frame() {
    frame_.threads.clear();
    frame_.processes.clear();
    frame_.thread_count = 0;
    for (model::Process& p : processes_) begin(p);
    for (model::Thread& t : threads_) add(t);
    return frame_;
  }

  std::deque<model::Thread>& threads() { return threads_; }
  std::deque<model::Process>& processes() { return processes_; }

 private:
  void begin(model::Process& p) {
    p.threads.clear();
    p.thread_count = 0;
    // A process's sums begin with what its ended threads did.
    p.cpu_pct = p.ended_cpu_pct;
    p.nvcsw_per_s = p.ended_nvcsw_per_s;
    p.nivcsw_per_s = p.ended_nivcsw_per_s;
    p.wait_ms_per_s = p.migrations_per_s = {};
    p.nvcsw = p.nivcsw = {};
    frame_.processes.push_back(&p);
  }

  static void sum(model::Figure& total, const model::Figure& figure) {
    if (figure) total = total.value_or(0) + *figure;
  }

  void add(model::Thread& t) {
    model::Process& p = *t.process;
    p.threads.push_back(&t);
    frame_.threads.push_back(&t);
    if (!t.ended) ++p.thread_count, ++frame_.thread_count;
    sum(p.cpu_pct, t.cpu_pct);
    sum(p.nvcsw_per_s, t.nvcsw_per_s);
    sum(p.nivcsw_per_s, t.nivcsw_per_s);
    sum(p.wait_ms_per_s, t.wait_ms_per_s);
    sum(p.migrations_per_s, t.migrations_per_s);
    p.nvcsw = p.nvcsw.value_or(0) + t.row.nvcsw;
    p.nivcsw = p.nivcsw.value_or(0) + t.row.nivcsw;
  }

  model::Frame frame_;
  std::deque<model::Process> processes_;
  std::deque<model::Thread> threads_;
};

}  // namespace timeslice::test
