// SPDX-License-Identifier: MIT
// What are threads and cores told apart by while a history is made? For its own files only.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>

#include "bpf/wire.h"

namespace timeslice::model {

constexpr uint32_t kTidLimit = 1U << 22;  // PID_MAX_LIMIT, include/linux/threads.h
constexpr size_t kCoreLimit = 8192;       // CONFIG_NR_CPUS goes no higher

inline uint64_t key_of(uint32_t tid, uint64_t start_ns) { return start_ns ^ (uint64_t{tid} << 42); }

// As the kernel has it, of a record's byte: a deadline thread's -1 is 255 there, the kernel's own
// numbers end at 139.
inline int prio_of(uint8_t prio) { return prio == 255 ? -1 : prio; }

inline std::string comm_of(const char (&comm)[TS_COMM_SIZE]) {
  return {comm, strnlen(comm, TS_COMM_SIZE)};
}

}  // namespace timeslice::model
