// SPDX-License-Identifier: MIT
#include "live/loop_finder.h"

#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <utility>

#include "live/images.h"
#include "runtime/uv_loop.h"

namespace timeslice::live {

namespace {

// Between the call and the loop's own frame lies the array for the events: 1,024 of 12 bytes.
constexpr size_t kStackToSearch = 24 * 1024, kStackAtOnce = 4096;

// epoll_wait, epoll_pwait, epoll_pwait2: which of them a libuv calls depends on its version.
bool is_wait_for_events(int32_t syscall_nr) {
#if defined(__x86_64__)
  constexpr int32_t kOlder[] = {SYS_epoll_wait};
  if (syscall_nr == kOlder[0]) return true;
#endif
  return syscall_nr == SYS_epoll_pwait || syscall_nr == SYS_epoll_pwait2;
}

}  // namespace

bool waits_for_events(const ts_look& look, int32_t epoll_fd) {
  return look.state == 'S' && !look.on_cpu && is_wait_for_events(look.syscall_nr) &&
         static_cast<int32_t>(look.syscall_args[0]) == epoll_fd;
}

LoopFinder::LoopFinder(uint32_t tgid) : tgid_(tgid), memory_(tgid) { read_layout(); }

void LoopFinder::read_layout() {
  const std::vector<observe::Mapping> maps = observe::read_maps(tgid_);
  refusal_ = maps.empty() ? "its memory may not be read"
                          : "it has no libuv that other programs could call";
  for (const LoadedImage& loaded : images_with(memory_, maps, "uv_backend_fd")) {
    runtime::UvLayoutAnswer answer = runtime::read_uv_layout(memory_, loaded.image);
    refusal_ = std::move(answer.refusal);
    if (!answer.layout) continue;
    layout_ = *answer.layout;
    image_ = {loaded.mapping, loaded.image.bias()};
    return;
  }
}

FoundLoop LoopFinder::found(uint64_t address, const ts_look& look, int32_t epoll_fd) {
  const auto count_at = runtime::uv_turn_count_at(memory_, layout_, address);
  return {address, look.tid, look.start_ns, epoll_fd, count_at.value_or(0)};
}

std::optional<FoundLoop> LoopFinder::loop_of(const ts_look& look) {
  const auto fd = static_cast<int32_t>(look.syscall_args[0]);
  if (!waits_for_events(look, fd)) return std::nullopt;
  const auto is_loop = [&](uint64_t address) {
    return runtime::is_uv_loop(memory_, layout_, address, fd);
  };
  if (look.have & TS_LOOK_REGISTERS) {
    for (const uint64_t address : {look.bx, look.bp, look.r12, look.r13, look.r14, look.r15})
      if (is_loop(address)) return found(address, look, fd);
  }
  std::array<uint64_t, kStackAtOnce / 8> stack;
  for (size_t offset = 0; offset < kStackToSearch; offset += kStackAtOnce) {
    if (!memory_.read(look.sp + offset, stack.data(), sizeof(stack))) break;
    for (const uint64_t address : stack)
      if (is_loop(address)) return found(address, look, fd);
  }
  return std::nullopt;
}

std::optional<FoundLoop> LoopFinder::default_loop(const ts_look& main) {
  if (!layout_.default_loop_pointer) return std::nullopt;
  const auto address = memory_.get<uint64_t>(*layout_.default_loop_pointer);
  if (!address || *address == 0) return std::nullopt;
  const auto fd = runtime::uv_loop_fd(memory_, layout_, *address);
  if (!fd) return std::nullopt;
  return found(*address, main, *fd);
}

std::vector<FoundLoop> LoopFinder::find(std::span<const ts_look> looks,
                                        std::span<const FoundLoop> known) {
  std::vector<FoundLoop> loops;
  if (!refusal_.empty()) return loops;
  const auto is_known = [&](const ts_look& look) {
    return std::any_of(known.begin(), known.end(), [&](const FoundLoop& loop) {
      return loop.tid == look.tid && loop.thread_start_ns == look.start_ns;
    });
  };
  for (const ts_look& look : looks) {
    if (!(look.have & TS_LOOK_THREAD) || is_known(look)) continue;
    std::optional<FoundLoop> loop = loop_of(look);
    if (!loop && look.tid == tgid_) loop = default_loop(look);
    if (loop) loops.push_back(*loop);
  }
  return loops;
}

}  // namespace timeslice::live
