// SPDX-License-Identifier: MIT
// Which event loops does a process have, and on which threads do they run? A thread that waits for
// events has its loop's address in one of the registers with which it entered the kernel, or on its
// stack; the main thread's is the one that libuv calls the default. Nothing is believed that
// doesn't look like a loop (runtime/uv_loop.h).
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bpf/look.h"
#include "observe/process_maps.h"
#include "observe/target_memory.h"
#include "runtime/uv_layout.h"

namespace timeslice::live {

struct FoundLoop {
  uint64_t address = 0;
  uint32_t tid = 0;
  uint64_t thread_start_ns = 0;  // with tid the thread's identity
  int32_t epoll_fd = -1;
  uint64_t count_at = 0;     // where it counts its turns; 0: it doesn't
  bool keeps_times = false;  // of its waits for events, as far as was seen
  uint64_t serial = 0;       // of a loop of our own; 0: it is libuv's
};

// Where a process has its libuv: the mapping of the file's beginning, and how far from where it was
// linked it lies.
struct LibuvImage {
  observe::Mapping mapping{};
  uint64_t bias = 0;
};

// Does this look find the thread asleep until there are events at this descriptor?
[[nodiscard]] bool waits_for_events(const ts_look& look, int32_t epoll_fd);

class LoopFinder {
 public:
  explicit LoopFinder(uint32_t tgid);

  // Where the process's libuv couldn't be read, why: a clause. Empty: it could.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  // Only where it could.
  [[nodiscard]] const runtime::UvLayout& layout() const { return layout_; }
  [[nodiscard]] const LibuvImage& image() const { return image_; }

  // Loops of threads that are in none of `known`, by looks at all threads of the process. One that
  // is in a turn at every look is found later, when it waits; but for the default loop.
  std::vector<FoundLoop> find(std::span<const ts_look> looks, std::span<const FoundLoop> known);

 private:
  void read_layout();
  [[nodiscard]] FoundLoop found(uint64_t address, const ts_look& look, int32_t epoll_fd);
  [[nodiscard]] std::optional<FoundLoop> loop_of(const ts_look& look);
  [[nodiscard]] std::optional<FoundLoop> default_loop(const ts_look& main);

  uint32_t tgid_;
  observe::TargetMemory memory_;
  runtime::UvLayout layout_;
  LibuvImage image_;
  std::string refusal_;
};

}  // namespace timeslice::live
