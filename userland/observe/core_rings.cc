// SPDX-License-Identifier: MIT
#include "observe/core_rings.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>
#include <thread>

#include "base/failure.h"

namespace timeslice::observe {

namespace {

constexpr uint32_t kAtOnce = 32;

[[noreturn]] void refuse_ring(uint32_t bytes, uint32_t cores, int error) {
  if (error == EMFILE || error == ENFILE)
    throw Failure("too few file descriptors for a ring buffer on each of " + std::to_string(cores) +
                  " CPUs: raise the limit (ulimit -n)");
  throw failure_from_errno(
      "no memory for a ring buffer of " + std::to_string(bytes >> 10) + " KiB per CPU", error);
}

// Runs `work` on this many threads, this one included, or on as many as can be created.
template <typename Work>
void run_on(uint32_t threads, const Work& work) {
  std::vector<std::jthread> helpers;
  try {
    while (helpers.size() + 1 < threads) helpers.emplace_back(work);
  } catch (const std::system_error&) {  // no more threads
  }
  work();
}

}  // namespace

std::vector<UniqueFd> make_core_rings(int map_fd, uint32_t cores, uint32_t bytes) {
  std::vector<UniqueFd> rings(cores);
  std::vector<int> errors(cores);
  std::atomic<uint32_t> next = 0;
  run_on(std::min(cores, kAtOnce), [&] {
    for (uint32_t cpu = next++; cpu < cores; cpu = next++) {
      rings[cpu] = UniqueFd(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, bytes, nullptr));
      const int fd = rings[cpu].get();
      if (fd < 0 || bpf_map_update_elem(map_fd, &cpu, &fd, BPF_ANY)) errors[cpu] = errno;
    }
  });
  for (uint32_t cpu = 0; cpu < cores; ++cpu) {
    if (!rings[cpu]) refuse_ring(bytes, cores, errors[cpu]);
    if (errors[cpu]) throw failure_from_errno("cannot set up a CPU's ring buffer", errors[cpu]);
  }
  return rings;
}

}  // namespace timeslice::observe
