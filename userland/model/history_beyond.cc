// SPDX-License-Identifier: MIT
// What do the records not tell? The kernel's own totals of a thread, at both ends of a recording,
// stand beside what the records come to: where an arrival was told to nobody, they are apart.
#include "model/history.h"

namespace timeslice::model {

namespace {

// On-CPU time is measured from switch to switch, the kernel's by the run queue's clock, which is a
// moment ahead of the tracepoint: up to so much a slice that the records tell. And it is read a
// tick late at most.
constexpr uint64_t kApartPerSliceNs = 30'000, kTickNs = 10'000'000;

uint64_t beyond_ns(uint64_t kernel_ns, uint64_t told_ns) {
  return kernel_ns > told_ns ? kernel_ns - told_ns : 0;
}

}  // namespace

Beyond History::beyond() const {
  Beyond beyond;
  for (const HistoryThread& thread : threads_) {
    const HistoryThread::Kernel& kernel = thread.kernel;
    if ((thread.flags & TS_THREAD_OUTSIDE) || !kernel.known) continue;
    if (kernel.slices > thread.slices) {
      beyond.slices += kernel.slices - thread.slices;
      beyond.wait_ns += beyond_ns(kernel.run_delay_ns, thread.wait_sum_ns);
    }
    const uint64_t ns = beyond_ns(kernel.cpu_ns, thread.oncpu_ns);
    if (ns > kTickNs + thread.slices * kApartPerSliceNs) beyond.oncpu_ns += ns;
  }
  return beyond;
}

}  // namespace timeslice::model
