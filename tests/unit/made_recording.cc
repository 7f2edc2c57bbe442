// SPDX-License-Identifier: MIT
#include "tests/unit/made_recording.h"

#include <algorithm>
#include <cmath>

namespace timeslice::test {

namespace {

constexpr uint64_t begin = 86'400'000'000'123;  // the machine is up for a day
constexpr uint64_t quantum = 3'000'000;

struct Cast {
  const char* comm;
  const char* role;
  const char* evidence;
  double burst_us, sleep_us;  // sleep 0: spins
};
constexpr Cast node[] = {
    {"node", "main", "tid = tgid, epoll on the loop's descriptor", 180, 120},
    {"node", "libuv-worker", "futex: libuv cond", 90, 500},
    {"node", "libuv-worker", "futex: libuv cond", 90, 500},
    {"node", "libuv-worker", "futex: libuv cond", 80, 700},
    {"node", "libuv-worker", "futex: libuv cond", 70, 900},
    {"node", "v8-worker", "futex shared on the heap", 400, 9000},
    {"node", "v8-worker", "futex shared on the heap", 300, 12000},
    {"node", "signal-inspector", "futex: start_io_thread_semaphore", 20, 400000},
};
constexpr Cast others[] = {
    {"postgres", "thread", "", 110, 1800},
    {"nginx", "thread", "", 35, 900},
    {"rcu_preempt", "kernel", "PF_KTHREAD", 4, 4000},
    {"kworker/0:1", "kernel", "PF_KTHREAD", 9, 6000},
    {"cc1plus", "thread", "", 6000, 0},
    {"redis-server", "thread", "", 40, 700},
    {"sshd", "thread", "", 50, 60000},
    {"prometheus", "thread", "", 150, 8000},
};

}  // namespace

void MadeRecording::make_threads() {
  for (uint32_t i = 0; i < size_.threads; ++i) {
    const bool in_node = i % 16 < 8;
    const Cast& cast = in_node ? node[i % 8] : others[i % 8];
    model::HistoryThread thread;
    thread.tid = 2000 + i;
    thread.tgid = in_node ? 2000 + i - i % 16 : thread.tid;
    if (std::string(cast.comm) == "postgres" || std::string(cast.comm) == "nginx")
      thread.tgid = 2000 + i % 8 + 8;
    thread.comm = cast.comm;
    thread.role = {cast.role, cast.evidence, cast.evidence[0] ? 0.95 : 0.0};
    if (thread.role.name == "kernel") thread.flags = TS_THREAD_KERNEL;
    thread.first_ns = begin;
    threads.push_back(thread);
    Task task;
    const double crowd = std::max(1.0, size_.threads / 7.0 / size_.cores);
    task.burst_ns = cast.burst_us * 1000;
    // One thread spins; others of its name sleep now and then.
    task.sleep_ns = (cast.sleep_us > 0 || i < 16 ? cast.sleep_us : 90'000) * 1000 * crowd;
    task.cpu = i % size_.cores;
    tasks_.push_back(task);
  }
}

uint64_t MadeRecording::around(double typical_ns) {
  std::lognormal_distribution<double> spread(std::log(typical_ns), 0.8);
  return 200 + static_cast<uint64_t>(spread(random_));
}

void MadeRecording::play(model::Listener& listener) {
  listener_ = &listener;
  info.begin_ns = begin;
  info.realtime_ns = 1'795'842'000'000'000'000;
  info.machine = "Linux 6.18.0 x86_64";
  info.asked = "record -p 2000 --seconds 5";
  make_threads();
  cpus_.resize(size_.cores);
  cores.resize(size_.cores);
  for (uint32_t cpu = 0; cpu < size_.cores; ++cpu) cores[cpu].cpu = cpu;
  for (uint32_t i = 0; i < size_.threads; ++i) events_.push({begin + around(50'000), true, i, 0});
  uint64_t now = begin;
  while (emitted_ < size_.slices && !events_.empty()) {
    const Event event = events_.top();
    events_.pop();
    now = event.at_ns;
    if (event.wake)
      wake(event.which, now);
    else if (event.generation == cpus_[event.which].generation)
      leave(event.which, now, tasks_[cpus_[event.which].now.thread].left_ns > quantum);
  }
  finish(now);
}

void MadeRecording::wake(uint32_t thread, uint64_t at_ns) {
  Task& task = tasks_[thread];
  const uint32_t dice = random_() % 100;
  const uint32_t source = random_() % size_.cores;
  const model::Slice& running = cpus_[source].now;
  task.peer = running.begin_ns <= at_ns ? running.thread : model::kNobody;
  if (task.peer == thread) task.peer = model::kNobody;
  task.context = task.peer == model::kNobody || dice < 35 ? TS_CONTEXT_SOFTIRQ : TS_CONTEXT_TASK;
  if (dice < 4) task.context = TS_CONTEXT_HARDIRQ;
  if (task.context != TS_CONTEXT_TASK) task.peer = model::kNobody;
  task.because = model::Because::woken;
  task.waking_ns = at_ns;
  task.left_ns = around(task.burst_ns);
  uint32_t cpu = task.cpu;
  for (uint32_t i = 0; i < size_.cores && cpus_[cpu].now.thread != model::kNobody; ++i)
    if (cpus_[i].now.thread == model::kNobody) cpu = i;
  enqueue(thread, cpu, at_ns + 150 + random_() % 600);
}

void MadeRecording::enqueue(uint32_t thread, uint32_t cpu, uint64_t at_ns) {
  Task& task = tasks_[thread];
  Cpu& core = cpus_[cpu];
  task.ready_ns = at_ns;
  if (core.now.thread == model::kNobody) {
    core.queue.push_front(thread);
    run_next(cpu, at_ns, 800 + random_() % 3000);
    return;
  }
  const bool urgent = tasks_[core.now.thread].burst_ns > 4 * task.burst_ns && random_() % 3 == 0;
  if (!urgent || core.now.begin_ns >= at_ns) {
    core.queue.push_back(thread);
    return;
  }
  core.queue.push_front(thread);
  leave(cpu, at_ns + 400 + random_() % 900, true);
}

void MadeRecording::run_next(uint32_t cpu, uint64_t at_ns, uint64_t delay_ns) {
  Cpu& core = cpus_[cpu];
  core.now = {};
  ++core.generation;
  if (core.queue.empty()) return;
  const uint32_t thread = core.queue.front();
  core.queue.pop_front();
  Task& task = tasks_[thread];
  model::Slice& slice = core.now;
  slice.thread = thread;
  slice.cpu = static_cast<uint16_t>(cpu);
  slice.begin_ns = std::max(at_ns + delay_ns, task.ready_ns);
  slice.wait_ns = slice.begin_ns - task.ready_ns;
  slice.because = task.because;
  slice.context = task.context;
  slice.peer = task.peer;
  if (task.because == model::Because::woken) slice.waking_ns = task.waking_ns;
  task.cpu = cpu;
  events_.push({slice.begin_ns + std::min(task.left_ns, quantum), false, cpu, core.generation});
}

void MadeRecording::leave(uint32_t cpu, uint64_t at_ns, bool preempted) {
  Cpu& core = cpus_[cpu];
  const uint32_t thread = core.now.thread;
  Task& task = tasks_[thread];
  core.now.end_ns = std::max(at_ns, core.now.begin_ns + 100);
  const uint64_t end = core.now.end_ns;
  const uint64_t ran = end - core.now.begin_ns;
  task.left_ns -= std::min(task.left_ns, ran);
  const bool sleeps = !preempted && task.sleep_ns > 0;
  core.now.voluntary = sleeps;
  core.now.leaving = sleeps ? (random_() % 20 == 0 ? TS_LEAVING_DEEP_SLEEP : TS_LEAVING_SLEEP)
                     : random_() % 4 ? TS_LEAVING_RUNNABLE
                                     : TS_LEAVING_PREEMPTED;
  ++(sleeps ? threads[thread].voluntary : threads[thread].involuntary);
  emit(core.now);
  if (sleeps) {
    events_.push({end + around(task.sleep_ns), true, thread, 0});
  } else {
    if (task.left_ns == 0) task.left_ns = around(task.burst_ns);
    task.because = model::Because::preempted;
    task.context = TS_CONTEXT_UNKNOWN;
    task.ready_ns = end;
    task.peer = core.queue.empty() ? thread : core.queue.front();
    core.queue.push_back(thread);
  }
  run_next(cpu, end, 0);
}

void MadeRecording::emit(model::Slice& slice) {
  threads[slice.thread].oncpu_ns += slice.end_ns - slice.begin_ns;
  threads[slice.thread].ready_ns += slice.wait_ns;
  ++threads[slice.thread].slices;
  cores[slice.cpu].busy_ns += slice.end_ns - slice.begin_ns;
  ++cores[slice.cpu].switches;
  listener_->slice(slice);
  ++emitted_;
}

void MadeRecording::finish(uint64_t at_ns) {
  for (const Cpu& core : cpus_)
    if (core.now.thread != model::kNobody) at_ns = std::max(at_ns, core.now.begin_ns + 1);
  for (const Cpu& core : cpus_)
    for (uint32_t thread : core.queue) at_ns = std::max(at_ns, tasks_[thread].ready_ns);
  info.end_ns = at_ns;
  for (Cpu& core : cpus_) {
    if (core.now.thread == model::kNobody) continue;
    core.now.end_ns = at_ns;
    core.now.end_cut = true;
    emit(core.now);
  }
  for (uint32_t cpu = 0; cpu < size_.cores; ++cpu) {
    cores[cpu].idle_ns = at_ns - begin - cores[cpu].busy_ns;
    for (const uint32_t thread : cpus_[cpu].queue) {
      const Task& task = tasks_[thread];
      model::Slice slice;
      slice.thread = thread;
      slice.cpu = static_cast<uint16_t>(cpu);
      slice.begin_ns = slice.end_ns = at_ns;
      slice.wait_ns = at_ns - task.ready_ns;
      slice.because = task.because;
      slice.context = task.context;
      slice.peer = task.peer;
      if (task.because == model::Because::woken) slice.waking_ns = task.waking_ns;
      threads[thread].ready_ns += slice.wait_ns;
      listener_->waiting(slice);
    }
  }
  for (model::HistoryThread& thread : threads) thread.last_ns = at_ns;
}

}  // namespace timeslice::test
