// SPDX-License-Identifier: MIT
// How does a test's process use io_uring, so that it is known what the kernel has to do for it?
#pragma once
#include <liburing.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace timeslice::live {

inline void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

class Ring {
 public:
  explicit Ring(unsigned entries = 64, unsigned flags = 0) {
    require(io_uring_queue_init(entries, &ring_, flags) == 0, "io_uring_queue_init");
  }
  ~Ring() { io_uring_queue_exit(&ring_); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  [[nodiscard]] int fd() const { return ring_.ring_fd; }
  io_uring_sqe* next() {
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
    require(sqe != nullptr, "no SQE");
    return sqe;
  }
  void submit() { require(io_uring_submit(&ring_) >= 0, "io_uring_submit"); }
  int wait() {
    io_uring_cqe* cqe = nullptr;
    require(io_uring_wait_cqe(&ring_, &cqe) == 0, "io_uring_wait_cqe");
    const int result = cqe->res;
    io_uring_cqe_seen(&ring_, cqe);
    return result;
  }
  int perform() {
    submit();
    return wait();
  }
  void nops(int count, unsigned flags = 0) {
    for (int i = 0; i < count; ++i) {
      io_uring_sqe* const sqe = next();
      io_uring_prep_nop(sqe);
      sqe->flags |= static_cast<uint8_t>(flags);
      perform();
    }
  }

 private:
  io_uring ring_{};
};

inline void nops(int count) { Ring().nops(count); }

inline std::string why_no_ring() {
  io_uring ring{};
  const int error = io_uring_queue_init(2, &ring, 0);
  if (error == 0) io_uring_queue_exit(&ring);
  return error == 0 ? "" : "no io_uring here";
}

}  // namespace timeslice::live
