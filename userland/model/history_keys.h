// SPDX-License-Identifier: MIT
// What may a record's numbers be, and what do they mean? For a history's own files only.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>

#include "bpf/wire.h"

namespace timeslice::model {

constexpr uint32_t kTidLimit = 1U << 22;  // PID_MAX_LIMIT, include/linux/threads.h
constexpr size_t kCoreLimit = 8192;       // CONFIG_NR_CPUS goes no higher

// As the kernel has it, of a record's byte: a deadline thread's -1 is 255 there, the kernel's own
// numbers end at 139.
inline int prio_of(uint8_t prio) { return prio == 255 ? -1 : prio; }

inline std::string comm_of(const char (&comm)[TS_COMM_SIZE]) {
  return {comm, strnlen(comm, TS_COMM_SIZE)};
}

}  // namespace timeslice::model
