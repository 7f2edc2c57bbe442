// SPDX-License-Identifier: MIT
#include "live/pool_finder.h"

#include <sys/syscall.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "observe/elf_symbols.h"
#include "observe/foreign_file.h"

namespace timeslice::live {

namespace {

// Of libuv's src/threadpool.c, in the order of the places below.
constexpr observe::WantedSymbol kWanted[] = {{"nthreads", "threadpool.c"},
                                             {"idle_threads", "threadpool.c"},
                                             {"wq", "threadpool.c"},
                                             {"slow_io_pending_wq", "threadpool.c"},
                                             {"run_slow_work_message", "threadpool.c"},
                                             {"threads", "threadpool.c"},
                                             {"cond", "threadpool.c"}};

// The distances from the condition that idle workers wait on, measured on Node's own builds: GCC's
// (16 to 24) and Clang's (26).
struct Distances {
  int64_t threads, idle_threads, queue, slow_queue, slow_node, workers;
};
constexpr Distances kKnown[] = {{-0x58, -0x50, -0xa0, -0xc0, -0xb0, -0x60},
                                {-0x68, 0x68, 0x58, 0x38, 0x48, -0x50}};

// In glibc's condition, of the two words that waiters sleep on in turns.
constexpr uint64_t kWaitWords[] = {0x28, 0x2c};

runtime::UvPoolPlaces places_at(uint64_t condition, const Distances& from) {
  const auto at = [&](int64_t distance) { return condition + static_cast<uint64_t>(distance); };
  return {at(from.threads),   at(from.idle_threads), at(from.queue), at(from.slow_queue),
          at(from.slow_node), at(from.workers),      condition};
}

// As many idle threads as were seen to wait, or more: another may have gone to sleep since.
bool is_pool(MemoryReader& memory, const runtime::UvPoolPlaces& places, uint32_t waiters) {
  const auto pool = runtime::read_uv_pool(memory, places);
  return pool && pool->threads > 0 && pool->idle >= waiters && pool->queued && pool->slow;
}

}  // namespace

std::optional<runtime::UvPoolPlaces> pool_by_symbols(uint32_t tgid, const LibuvImage& image) {
  const auto file = observe::mapped_file(tgid, image.mapping);
  const UniqueFd fd = file ? observe::open_to_read(*file) : UniqueFd();
  const auto symbols = fd ? observe::find_symbols(fd.get(), kWanted) : std::nullopt;
  if (!symbols) return std::nullopt;
  const auto at = [&](size_t wanted) {
    const auto& found = symbols->found[wanted];
    return found ? found->address + image.bias : 0;
  };
  const runtime::UvPoolPlaces places{at(0), at(1), at(2), at(3), at(4), at(5), at(6)};
  if (!places.threads || !places.idle_threads || !places.queue) return std::nullopt;
  return places;
}

std::optional<runtime::UvPoolPlaces> pool_by_waiters(MemoryReader& memory,
                                                     std::span<const ts_look> looks) {
  std::map<uint64_t, uint32_t> waiters;  // by what they wait on
  for (const ts_look& look : looks)
    if (look.state == 'S' && look.syscall_nr == SYS_futex) ++waiters[look.syscall_args[0]];
  for (const auto& [word, count] : waiters) {
    for (const uint64_t offset : kWaitWords) {
      for (const Distances& distances : kKnown) {
        const auto places = places_at(word - offset, distances);
        if (is_pool(memory, places, count)) return places;
      }
    }
  }
  return std::nullopt;
}

bool waits_for_job(const ts_look& look, const runtime::UvPoolPlaces& places) {
  if (look.on_cpu || look.state != 'S' || look.syscall_nr != SYS_futex) return false;
  return places.condition == 0 ||
         std::any_of(std::begin(kWaitWords), std::end(kWaitWords), [&](uint64_t offset) {
           return look.syscall_args[0] == places.condition + offset;
         });
}

}  // namespace timeslice::live
