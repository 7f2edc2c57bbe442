// SPDX-License-Identifier: MIT
// A libuv that never was: code as GCC and Clang make it of the functions that return a loop's
// fields, a loop, and a pool with jobs that wait.
#pragma once
#include <initializer_list>
#include <string>
#include <vector>

#include "runtime/uv_loop.h"
#include "runtime/uv_pool.h"
#include "tests/unit/made_up_memory.h"

namespace made_uv {

using namespace timeslice::runtime;
using made_up::Code;
using made_up::Image;
using made_up::Memory;

inline constexpr uint64_t kLoop = 0x7f0000500000, kFields = 0x7f0000600000;

inline constexpr uint8_t kReturn = 0xc3;
inline const Code kPrologue = {0xf3, 0x0f, 0x1e, 0xfa,
                               0x55, 0x48, 0x89, 0xe5};  // endbr64; push; mov

inline Code joined(std::initializer_list<Code> parts) {
  Code all;
  for (const Code& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// As libuv 1.46 has them, but for `fd` and `idle_time`.
struct Shape {
  uint8_t fd = 0x40;
  uint32_t idle_time = 0x90;
  bool has_metrics = true;
};

inline Code word(uint32_t value) {
  return {static_cast<uint8_t>(value), static_cast<uint8_t>(value >> 8),
          static_cast<uint8_t>(value >> 16), static_cast<uint8_t>(value >> 24)};
}

inline void add_libuv(Image& image, const Shape& shape) {
  // mov 0x220(%rdi),%rax
  image.add("uv_now", joined({kPrologue, {0x48, 0x8b, 0x87}, word(0x220), {0x5d, kReturn}}));
  // mov FD(%rdi),%eax
  image.add("uv_backend_fd", {0x8b, 0x47, shape.fd, kReturn});
  // mov 0x28(%rdi),%rbx; lea 0x98(%rbx),%r13; mov %r13,%rdi; call; mov IDLE(%rbx),%r12;
  // mov %r13,%rdi; mov 0x88(%rbx),%rbx
  image.add("uv_metrics_idle_time", joined({kPrologue,
                                            {0x48, 0x8b, 0x5f, 0x28, 0x4c, 0x8d, 0xab},
                                            word(0x98),
                                            {0x4c, 0x89, 0xef, 0xe8},
                                            word(0x1234),
                                            {0x4c, 0x8b, 0xa3},
                                            word(shape.idle_time),
                                            {0x4c, 0x89, 0xef, 0x48, 0x8b, 0x9b},
                                            word(0x88),
                                            {kReturn}}));
  // mov 0x28(%rdi),%rax; movups 0x18(%rax),%xmm1; movups 0x8(%rax),%xmm0
  if (shape.has_metrics)
    image.add("uv_metrics_info",
              {0x48, 0x8b, 0x47, 0x28, 0x0f, 0x10, 0x48, 0x18, 0x0f, 0x10, 0x40, 0x08, kReturn});
  // mov 0x1000(%rip),%rax
  image.add("uv_default_loop", joined({{0x48, 0x8b, 0x05}, word(0x1000), {kReturn}}));
}

// A loop without handles, which waits since 5,000 ns.
inline void put_loop(Memory& memory, const UvLayout& layout) {
  memory.block(kLoop, 1024);
  memory.block(kFields, 512);
  memory.put(kLoop + 16, kLoop + 16);
  memory.put(kLoop + 24, kLoop + 16);
  memory.put(kLoop + layout.backend_fd, int32_t{13});
  memory.put(kLoop + layout.time, uint64_t{77});
  memory.put(kLoop + layout.internal, kFields);
  memory.put(kFields + layout.entry_time, uint64_t{5000});
  memory.put(kFields + layout.idle_time, uint64_t{6000});
  if (layout.loop_count) memory.put(kFields + *layout.loop_count, uint64_t{9});
}

inline constexpr uint64_t kStatics = 0x5000000, kRequests = 0x7f0000100000, kTexts = 0x7f0000200000;
inline constexpr uint64_t kPoolsLoop = 0x6000000;
inline const UvPoolPlaces kPlaces{
    kStatics, kStatics + 8, kStatics + 0x20, kStatics + 0x40, kStatics + 0x60, kStatics + 0x70, 0};

struct Pool {
  Pool() {
    memory.block(kStatics, 256);
    memory.block(kRequests, 1 << 16);
    memory.block(kTexts, 4096);
    set(4, 0);
    close({}, kPlaces.queue);
    close({}, kPlaces.slow_queue);
  }
  void set(uint32_t threads, uint32_t idle) {
    memory.put(kPlaces.threads, threads);
    memory.put(kPlaces.idle_threads, idle);
  }
  // A request of libuv's, whose job is so far from its beginning. Returns the job's node.
  uint64_t request(uint32_t type, uint64_t job, uint64_t loop_at) {
    const uint64_t at = next;
    next += 512;
    memory.put(at + 8, type);
    memory.put(at + loop_at, kPoolsLoop);
    memory.put(at + job + 16, kPoolsLoop);
    last = at;
    return at + job + 24;
  }
  uint64_t fs(int32_t type, const std::string& path) {
    const uint64_t node = request(6, 336, 72);
    memory.put(last + 64, type);
    memory.put(last + 104, text(path));
    return node;
  }
  uint64_t look_up(const std::string& host) {
    const uint64_t node = request(8, 72, 64);
    memory.put(last + 128, text(host));
    return node;
  }
  uint64_t work(const std::string& type) {
    const uint64_t node = request(7, 88, 64);
    memory.put(last + 128, text(type));
    return node;
  }
  uint64_t text(const std::string& text) {
    const uint64_t at = kTexts + texts;
    memory.put(at, text.c_str(), text.size() + 1);
    texts += text.size() + 1;
    return at;
  }
  void close(const std::vector<uint64_t>& nodes, uint64_t head) {
    uint64_t before = head;
    for (const uint64_t node : nodes) {
      memory.put(before, node);
      memory.put(node + 8, before);
      before = node;
    }
    memory.put(before, head);
    memory.put(head + 8, before);
  }

  Memory memory;
  uint64_t next = kRequests, last = 0, texts = 0;
};

}  // namespace made_uv
