// SPDX-License-Identifier: MIT
// The memory of a process that never was, with loops of ours.
#pragma once
#include <string>

#include "runtime/published_loops.h"
#include "tests/unit/made_up_memory.h"

namespace made_published {

using timeslice::PublishedLoop;
using timeslice::PublishedLoops;

inline constexpr uint64_t kTable = 0x7f0000700000, kNames = 0x7f0000780fe0;

struct Table {
  Table() {
    memory.block(kTable, sizeof(PublishedLoops));
    memory.block(kNames, 0x20);  // to its page's end
    header.magic = timeslice::kPublishedLoopsMagic;
    header.version = timeslice::kPublishedLoopsVersion;
    header.size = sizeof(PublishedLoop);
    put();
  }
  static uint64_t place(uint32_t number) {
    return kTable + offsetof(PublishedLoops, loops) + number * sizeof(PublishedLoop);
  }
  // In its poll phase, in the callback of a receive.
  static PublishedLoop loop(uint32_t number) {
    PublishedLoop made{};
    made.turns = 9;
    made.entry_ns = 5000;
    made.idle_ns = 6000;
    made.time_ns = 7000;
    made.phase = kNames;
    made.callback = kNames + 8;
    made.self = place(number);
    made.serial = 70 + number;
    made.thread_pointer = 0x7f0000990000 + number * 0x1000;
    made.tid = 100 + number;
    made.pool_threads = 4;
    made.pool_idle = 1;
    made.pool_queued = 3;
    made.pool_slow = 2;
    return made;
  }
  void put(uint32_t number, const PublishedLoop& made) {
    memory.put(place(number), made);
    if (number >= header.used) header.used = number + 1;
    put();
  }
  // Which has a zero behind it.
  void name(uint64_t at, const std::string& text) { memory.put(at, text.c_str(), text.size() + 1); }
  void put() { memory.put(kTable, &header, offsetof(PublishedLoops, loops)); }

  made_up::Memory memory;
  PublishedLoops header{};
};

}  // namespace made_published
