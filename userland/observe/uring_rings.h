// SPDX-License-Identifier: MIT
// Which io_uring rings does a process have, and how full are they? The kernel says it in the
// fdinfo of each ring's descriptor. Nothing is attached for it, and it works for one's own
// processes without any right.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace timeslice::observe {

// What isn't said by this kernel, or just now, is absent.
struct RingInfo {
  int fd = -1;
  std::optional<uint32_t> sq_entries, sq_waiting;   // SQEs that the kernel hasn't taken yet
  std::optional<uint32_t> cq_entries, cq_unread;    // CQEs that the process hasn't taken yet
  std::optional<int32_t> sq_thread, sq_thread_cpu;  // SQPOLL's, as the first PID namespace counts
  std::optional<uint64_t> sq_total_us, sq_work_us;  // its life, and its work in it
  std::optional<uint32_t> files, buffers;           // registered
  std::optional<uint32_t> polls;     // requests that wait for their file to become ready
  std::optional<uint32_t> overflow;  // CQEs that wait for room in the ring

  // Of SQPOLL's life, the share that it worked.
  [[nodiscard]] std::optional<double> sq_work_ratio() const {
    if (!sq_work_us || sq_total_us.value_or(0) == 0) return std::nullopt;
    return static_cast<double>(*sq_work_us) / static_cast<double>(*sq_total_us);
  }
};

// Anything goes in; nothing of it is believed to be well formed. Names of files are in there.
// `whole`: nothing of the text has been cut off; else what is counted to its end is absent.
RingInfo parse_ring(std::string_view fdinfo, bool whole);

// Is there a ring by this number? Not known is taken for yes.
bool is_ring(uint32_t tgid, int fd);

// One that is known to be a ring; absent where it has been closed.
std::optional<RingInfo> read_ring(uint32_t tgid, int fd);

// Looks through a process's descriptors; at most as often as that takes a twentieth of the time, if
// it has many.
class RingFinder {
 public:
  explicit RingFinder(uint32_t tgid) : tgid_(tgid) {}

  // The rings now. Empty where it has none or is gone, or its descriptors may not be seen: then
  // `refused` is its errno.
  std::vector<RingInfo> read(int& refused);
  [[nodiscard]] bool cut() const { return cut_; }  // it has too many descriptors to look at all

 private:
  int search();

  uint32_t tgid_;
  std::vector<int> fds_;
  std::chrono::steady_clock::time_point next_search_{};
  int refused_ = 0;
  bool cut_ = false;
};

}  // namespace timeslice::observe
