// SPDX-License-Identifier: MIT
#include "tests/live/storm.h"

#include <sys/mman.h>
#include <sys/wait.h>

#include <new>
#include <stdexcept>

namespace timeslice::live {

namespace {

void* shared_page(size_t size) {
  void* page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::runtime_error("the test can't map memory");
  return page;
}

}  // namespace

Storm::Storm(int forks_per_s)
    : shared_(new (shared_page(sizeof(Shared))) Shared{}),
      child_([=, this] { rage(forks_per_s); }) {}

// Whoever falls behind catches up, so that the rate holds on a busy machine too.
void Storm::rage(int forks_per_s) const {
  const auto begin = Clock::now();
  while (!shared_->stop) {
    const auto due = begin + std::chrono::nanoseconds(shared_->made * 1'000'000'000 /
                                                      static_cast<uint64_t>(forks_per_s));
    std::this_thread::sleep_until(due);
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    if (pid < 0 || waitpid(pid, nullptr, 0) != pid) _exit(98);
    ++shared_->made;
  }
}

uint64_t Storm::stop() {
  shared_->stop = true;
  if (child_.wait() != 0) throw std::runtime_error("the storm could not fork");
  return shared_->made;
}

Storm::~Storm() {
  shared_->stop = true;
  child_.wait();
  munmap(shared_, sizeof(Shared));
}

}  // namespace timeslice::live
