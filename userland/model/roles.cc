// SPDX-License-Identifier: MIT
#include "model/roles.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

namespace timeslice::model {

namespace {

constexpr uint64_t kKiB = 1024;

void claim(const RoleSubject& thread, const char* name, double confidence, std::string evidence) {
  if (thread.role->confidence >= confidence) return;
  *thread.role = {name, std::move(evidence), confidence};
}

bool is_first(const ts_thread_row& row) { return row.tid == row.tgid; }

bool sleeps(const ts_thread_row& row) {
  return (row.record.have & TS_HAVE_SYSCALL) && row.state == 'S' && row.syscall_nr >= 0;
}

// In glibc's wait for a condition or a semaphore. One that locks a mutex, or has signalled a
// condition and must let its former waiters out first, waits with plain FUTEX_WAIT: that tells
// nothing of what a thread is for, and each thread of a process meets there when the pool is busy.
bool awaits_signal(const ts_thread_row& row) {
  return sleeps(row) && row.syscall_nr == SYS_futex &&
         (static_cast<int>(row.syscall_args[1]) & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
}

bool sleeps_in_epoll(const ts_thread_row& row) {
  if (!sleeps(row)) return false;
#ifdef SYS_epoll_wait
  if (row.syscall_nr == SYS_epoll_wait) return true;
#endif
#ifdef SYS_epoll_pwait2
  if (row.syscall_nr == SYS_epoll_pwait2) return true;
#endif
  return row.syscall_nr == SYS_epoll_pwait;
}

bool within(uint64_t address, uint64_t start, uint64_t size) {
  return start != 0 && address >= start && address < start + size;
}

// 1. The kernel's flags can't be forged from user space; a name can.
void tell_by_flags(const RoleSubject& thread) {
  const ts_thread_row& row = *thread.row;
  if (!(row.record.have & TS_HAVE_FLAGS)) return;
  if (row.flags & TS_THREAD_KERNEL) claim(thread, "kernel", 1, "flag: kernel thread");
  if (row.flags & TS_THREAD_IO_WORKER) {
    const bool polls = strncmp(row.comm, "iou-sqp", 7) == 0;
    claim(thread, polls ? "iou-sqp" : "iou-wrk", 1, "flag: io_uring worker");
  }
}

// 2. The function that a thread began in is what it is for; it shows while the thread runs, too.
void tell_by_start(const RoleSubject& thread) {
  if (is_first(*thread.row)) return;
  switch (thread.start) {
    case TS_START_UV_POOL:
      return claim(thread, "libuv-worker", 0.98, "start routine: libuv's worker");
    case TS_START_V8_PLATFORM:
      return claim(thread, "v8-worker", 0.98, "start routine: PlatformWorkerThread");
    case TS_START_SIGNAL:
      return claim(thread, "signal-inspector", 0.98, "start routine: StartIoThreadMain");
    case TS_START_NODE_WORKER:
      return claim(thread, "node-worker", 0.98, "start routine: Worker::StartThread");
  }
}

// 3. libuv's pool sleeps on one condition variable, Node's signal thread on one semaphore.
void tell_by_symbol(const RoleSubject& thread, const ts_process_facts& facts) {
  if (!awaits_signal(*thread.row) || is_first(*thread.row)) return;
  const uint64_t address = thread.row->syscall_args[0];
  if (within(address, facts.pool_cond, facts.pool_cond_size))
    claim(thread, "libuv-worker", 0.99, "futex: libuv cond");
  if (within(address, facts.signal_semaphore, facts.signal_semaphore_size))
    claim(thread, "signal-inspector", 0.99, "futex: start_io_thread_semaphore");
}

// 4. V8's workers wait for tasks on one condition variable on the heap. Where libuv's own condition
// variable couldn't be found (a libuv without symbols), its pool would look just the same.
void tell_by_shared_futex(const std::vector<RoleSubject>& threads, const ts_process_facts& facts) {
  std::map<uint64_t, int> sleepers;
  for (const RoleSubject& thread : threads)
    if (awaits_signal(*thread.row)) ++sleepers[thread.row->syscall_args[0]];
  for (const RoleSubject& thread : threads) {
    if (!awaits_signal(*thread.row) || is_first(*thread.row)) continue;
    if (thread.stack_bytes == 4096 * kKiB) continue;  // a worker_thread in Atomics.wait
    const int sharing = sleepers[thread.row->syscall_args[0]];
    if (sharing >= 2)
      claim(thread, "v8-worker", facts.pool_cond != 0 ? 0.9 : 0.6,
            "futex: shared by " + std::to_string(sharing) + " threads on the heap");
  }
}

// 4. Sleepers in epoll: main on its loop's descriptor; of the others the oldest is V8's timer
// thread, the ones with a worker's stack are worker_threads, and what is left is the inspector's.
void tell_by_epoll(const std::vector<RoleSubject>& threads, const ts_process_facts& facts,
                   const ts_thread_row* oldest_helper) {
  for (const RoleSubject& thread : threads) {
    const ts_thread_row& row = *thread.row;
    if (!sleeps_in_epoll(row)) continue;
    if (is_first(row)) {
      if (static_cast<int32_t>(row.syscall_args[0]) == facts.loop_epoll_fd)
        claim(thread, "main", 0.99, "epoll: the default loop's descriptor");
    } else if (&row == oldest_helper) {
      claim(thread, "v8-delayed", 0.95, "epoll: first helper thread");
    } else if (thread.stack_bytes == 4096 * kKiB) {
      claim(thread, "node-worker", 0.95, "epoll: loop of its own, stack of 4096 KiB");
    } else if (thread.stack_bytes != 0) {
      claim(thread, "inspector-io", 0.6, "epoll: loop of its own, no worker's stack");
    }
  }
}

// 5. Node gives its worker_threads and its signal thread stacks of their own sizes.
void tell_by_stack(const RoleSubject& thread) {
  if (is_first(*thread.row)) return;
  if (thread.stack_bytes == 4096 * kKiB) claim(thread, "node-worker", 0.85, "stack of 4096 KiB");
  if (thread.stack_bytes == 32 * kKiB) claim(thread, "signal-inspector", 0.8, "stack of 32 KiB");
}

struct NamedRole {
  uint32_t runtime;
  std::string_view prefix;  // of comm, which the kernel cuts at 15 characters
  const char* role;
};

// 6. Names that runtimes give their threads.
constexpr NamedRole kNames[] = {
    {TS_RUNTIME_NODE, "DelayedTaskSche", "v8-delayed"},
    {TS_RUNTIME_NODE, "libuv-worker", "libuv-worker"},
    {TS_RUNTIME_NODE, "V8Worker", "v8-worker"},
    {TS_RUNTIME_NODE, "node-V8Worker", "v8-worker"},
    {TS_RUNTIME_NODE, "SignalInspector", "signal-inspector"},
    {TS_RUNTIME_NODE, "InspectorIo", "inspector-io"},
    {TS_RUNTIME_NODE, "WorkerThread", "node-worker"},
    {TS_RUNTIME_BUN, "Bun Pool", "bun-pool"},
    {TS_RUNTIME_BUN, "JITWorker", "jit-worker"},
    {TS_RUNTIME_BUN, "HeapHelper", "heap-helper"},
    {TS_RUNTIME_BUN, "HTTP Client", "http-client"},
    {TS_RUNTIME_BUN, "File Watcher", "file-watcher"},
    {TS_RUNTIME_BUN, "Worker", "bun-worker"},
    {TS_RUNTIME_DENO, "V8 DefaultWorke", "v8-worker"},
    {TS_RUNTIME_DENO, "tokio-runtime-w", "tokio-worker"},
    {TS_RUNTIME_DENO, "worker-", "deno-worker"},
    {TS_RUNTIME_TIMESLICE, "pool-worker", "pool-worker"},
    {TS_RUNTIME_TIMESLICE, "loop-worker", "loop-worker"},
};

void tell_by_name(const RoleSubject& thread, uint32_t runtime) {
  const std::string_view comm(thread.row->comm);
  for (const NamedRole& known : kNames)
    if (known.runtime == runtime && comm.substr(0, known.prefix.size()) == known.prefix)
      claim(thread, known.role, 0.7, "name: " + std::string(comm));
}

// 7. Node's platform comes up before any script runs, always in this order.
void tell_by_order(std::vector<RoleSubject> threads) {
  std::sort(threads.begin(), threads.end(), [](const RoleSubject& a, const RoleSubject& b) {
    return a.row->start_ns != b.row->start_ns ? a.row->start_ns < b.row->start_ns
                                              : a.row->tid < b.row->tid;
  });
  const char* const order[] = {"main",      "v8-delayed", "v8-worker",       "v8-worker",
                               "v8-worker", "v8-worker",  "signal-inspector"};
  for (size_t i = 1; i < threads.size() && i < std::size(order); ++i)
    claim(threads[i], order[i], 0.5, "order: thread " + std::to_string(i + 1) + " of the process");
}

const ts_thread_row* oldest_helper_of(const std::vector<RoleSubject>& threads) {
  const ts_thread_row* oldest = nullptr;
  for (const RoleSubject& thread : threads) {
    const ts_thread_row& row = *thread.row;
    if (is_first(row) || (row.flags & TS_THREAD_IO_WORKER)) continue;
    const bool older = !oldest || row.start_ns < oldest->start_ns ||
                       (row.start_ns == oldest->start_ns && row.tid < oldest->tid);
    if (older) oldest = &row;
  }
  return oldest;
}

void tell_node(const std::vector<RoleSubject>& threads, const ts_process_facts& facts) {
  for (const RoleSubject& thread : threads) {
    tell_by_start(thread);
    tell_by_symbol(thread, facts);
    tell_by_stack(thread);
  }
  tell_by_epoll(threads, facts, oldest_helper_of(threads));
  tell_by_shared_futex(threads, facts);
}

}  // namespace

void tell_roles(const std::vector<RoleSubject>& threads, const ts_process_facts* facts) {
  const uint32_t runtime = facts ? facts->runtime : uint32_t{TS_RUNTIME_UNKNOWN};
  for (const RoleSubject& thread : threads) {
    tell_by_flags(thread);
    if (is_first(*thread.row)) claim(thread, "main", 0.95, "tid = tgid");
  }
  if (runtime == TS_RUNTIME_UNKNOWN) return;
  if (runtime == TS_RUNTIME_NODE) tell_node(threads, *facts);
  for (const RoleSubject& thread : threads) tell_by_name(thread, runtime);
  if (runtime == TS_RUNTIME_NODE) tell_by_order(threads);
}

const char* runtime_name(uint32_t runtime) {
  switch (runtime) {
    case TS_RUNTIME_NODE:
      return "node";
    case TS_RUNTIME_BUN:
      return "bun";
    case TS_RUNTIME_DENO:
      return "deno";
    case TS_RUNTIME_TIMESLICE:
      return "timeslice";
    default:
      return "";
  }
}

}  // namespace timeslice::model
