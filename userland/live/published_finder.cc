// SPDX-License-Identifier: MIT
#include "live/published_finder.h"

#include <algorithm>

#include "live/images.h"
#include "observe/cluster_workers.h"

namespace timeslice::live {

namespace {

uint64_t table_of(observe::TargetMemory& memory, uint32_t tgid) {
  for (const LoadedImage& loaded :
       images_with(memory, observe::read_maps(tgid), kPublishedLoopsSymbol)) {
    const auto symbol = loaded.image.find(memory, kPublishedLoopsSymbol);
    if (symbol && symbol->size >= offsetof(PublishedLoops, loops)) return symbol->address;
  }
  return 0;
}

// A thread's pointer is the same in every PID namespace, but not always known.
bool is_thread_of(const ts_look& look, const runtime::PublishedLoopState& loop) {
  if (!(look.have & TS_LOOK_THREAD)) return false;
  return look.thread_pointer != 0 ? look.thread_pointer == loop.thread_pointer
                                  : look.tid == loop.tid;
}

}  // namespace

PublishedFinder::PublishedFinder(uint32_t tgid) : memory_(tgid) {
  table_at_ = table_of(memory_, tgid);
}

std::vector<FoundPublished> PublishedFinder::find(std::span<const ts_look> looks) {
  std::vector<FoundPublished> found;
  if (!has_table()) return found;
  runtime::PublishedTableAnswer answer = runtime::read_published_table(memory_, table_at_);
  refusal_ = std::move(answer.why);
  if (!answer.table) return found;
  for (const auto& loop : runtime::read_published_loops(memory_, table_at_, *answer.table)) {
    const auto look = std::find_if(looks.begin(), looks.end(), [&](const ts_look& thread) {
      return is_thread_of(thread, loop);
    });
    if (look != looks.end()) found.push_back({loop, look->tid, look->start_ns});
  }
  return found;
}

bool is_published_worker(uint32_t tgid) {
  observe::TargetMemory memory(tgid);
  const uint64_t at = table_of(memory, tgid);
  if (at == 0) return false;
  const auto answer = runtime::read_published_table(memory, at);
  return answer.table && answer.table->is_cluster_worker;
}

std::vector<uint32_t> published_workers(uint32_t manager) {
  observe::TargetMemory memory(manager);
  if (table_of(memory, manager) == 0) return {};
  std::vector<uint32_t> workers = observe::children(manager);
  std::erase_if(workers, [](uint32_t tgid) { return !is_published_worker(tgid); });
  return workers;
}

}  // namespace timeslice::live
