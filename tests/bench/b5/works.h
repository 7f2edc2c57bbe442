// SPDX-License-Identifier: MIT
// What makes a work the same on every side? The same offsets of the same file, the same deadlines,
// the same CPUs and the same answer to a wake: all from here.
#pragma once
#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "measure.h"

namespace b5 {

inline constexpr std::size_t kMessage = 64;  // bytes of an echo
inline constexpr std::size_t kBlock = 4096;  // bytes of a read

// The same numbers on every side and in every run.
class Random {
 public:
  std::uint64_t below(std::uint64_t limit) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545F4914F6CDD1DU) % limit;
  }
  template <typename Item>
  void shuffle(std::vector<Item>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::uint64_t state_ = 0x9E3779B97F4A7C15U;
};

// A file whose pages are all in the page cache, or none: looked at, not believed.
class BlockFile {
 public:
  BlockFile(const char* path, bool warm) : fd_(must(::open(path, O_RDONLY | O_CLOEXEC), path)) {
    size_ = static_cast<std::size_t>(must(::lseek(fd_, 0, SEEK_END), path));
    if (size_ < kBlock) die(path, EINVAL);
    ::posix_fadvise(fd_, 0, 0, POSIX_FADV_RANDOM);  // no read-ahead: every read is its own
    int attempts = 5;                               // somebody else may be short of memory just now
    do {
      if (attempts-- == 0) die("the file's pages don't go where they should be", EBUSY);
      warm ? read_all() : drop_all();
    } while (warm ? cached() < 1 : cached() > 0);
  }
  ~BlockFile() { ::close(fd_); }
  BlockFile(const BlockFile&) = delete;
  BlockFile& operator=(const BlockFile&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  std::int64_t next_offset() {
    return static_cast<std::int64_t>(random_.below(size_ / kBlock) * kBlock);
  }

 private:
  [[nodiscard]] double cached() const {
    void* map = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd_, 0);
    if (map == MAP_FAILED) die("mmap");
    std::vector<unsigned char> pages((size_ + kBlock - 1) / kBlock);
    must(::mincore(map, size_, pages.data()), "mincore");
    ::munmap(map, size_);
    const auto in = std::count_if(pages.begin(), pages.end(), [](int page) { return page & 1; });
    return static_cast<double>(in) / static_cast<double>(pages.size());
  }
  void drop_all() const { ::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED); }
  void read_all() const {
    std::vector<char> chunk(1 << 20);
    for (off_t at = 0; ::pread(fd_, chunk.data(), chunk.size(), at) > 0;)
      at += static_cast<off_t>(chunk.size());
  }

  int fd_;
  std::size_t size_ = 0;
  Random random_;
};

// A page for each request in flight.
class Buffers {
 public:
  explicit Buffers(long count)
      : pages_(static_cast<char*>(
            std::aligned_alloc(kBlock, static_cast<std::size_t>(count) * kBlock))) {
    std::memset(pages_.get(), 0, static_cast<std::size_t>(count) * kBlock);
  }
  [[nodiscard]] char* at(long index) const { return pages_.get() + index * long{kBlock}; }

 private:
  struct Free {
    void operator()(char* pages) const { std::free(pages); }
  };
  std::unique_ptr<char, Free> pages_;
};

inline void check_block(long result) {
  if (result != long{kBlock})
    die("a read fell short", result < 0 ? static_cast<int>(-result) : EIO);
}

// Timers: DEPTH of them at a time, until COUNT have been. Long ones are cancelled, in another order
// than they were started; short ones run out while nobody is measured, and are then called.
struct TimerPlan {
  explicit TimerPlan(const Work& work)
      : rounds(std::max(work.count / work.depth, 1L)),
        delay_ms(static_cast<std::size_t>(work.depth)) {
    const bool expire = work.name == "timer-expire";
    for (std::uint64_t& delay : delay_ms) delay = 1 + random.below(expire ? kShortMs : kLongMs);
    order.resize(delay_ms.size());
    std::iota(order.begin(), order.end(), 0);
    random.shuffle(order);
  }
  [[nodiscard]] long all() const { return rounds * static_cast<long>(delay_ms.size()); }
  static void let_them_expire() { ::usleep((kShortMs + 2) * 1000); }

  static constexpr std::uint64_t kShortMs = 20;
  static constexpr std::uint64_t kLongMs = 1'000'000;
  Random random;
  long rounds;
  std::vector<std::uint64_t> delay_ms;
  std::vector<std::size_t> order;  // of cancelling
};

// WHERE of a wake: the CPU of the measured loop, then that of the other thread.
struct Cpus {
  explicit Cpus(const char* text) { given = std::sscanf(text, "%d,%d", &first, &second) == 2; }
  static void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(cpu), &set);
    must(::sched_setaffinity(0, sizeof set, &set), "pinning to a CPU");
  }
  void pin_first() const {
    if (given) pin(first);
  }
  void pin_second() const {
    if (given) pin(second);
  }
  int first = 0;
  int second = 0;
  bool given = false;
};

// How a loop answers a plain thread, the same on every side: an eventfd that the thread sleeps in.
class Answer {
 public:
  void give() const {
    const std::uint64_t one = 1;
    must(::write(fd_, &one, sizeof one), "write to an eventfd");
  }
  void await() const {
    std::uint64_t count;
    must(::read(fd_, &count, sizeof count), "read of an eventfd");
  }

 private:
  int fd_ = must(::eventfd(0, EFD_CLOEXEC), "eventfd");
};

// An echo server's first line: where it listens. The client that started it waits for that.
inline void announce(int port) {
  std::printf("%d\n", port);
  std::fflush(stdout);
}

}  // namespace b5
