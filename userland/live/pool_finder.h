// SPDX-License-Identifier: MIT
// Where does a process's libuv keep its thread pool? Its objects are static: by the file's symbols,
// or, where it has been stripped, by what its idle workers wait on, which lies at one of the
// distances that compilers are known to choose. A place is believed if a pool is there.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "base/memory_reader.h"
#include "bpf/look.h"
#include "live/loop_finder.h"
#include "runtime/uv_pool.h"

namespace timeslice::live {

// Reads the file.
std::optional<runtime::UvPoolPlaces> pool_by_symbols(uint32_t tgid, const LibuvImage& image);

// `looks`: at all of the process's threads.
std::optional<runtime::UvPoolPlaces> pool_by_waiters(MemoryReader& memory,
                                                     std::span<const ts_look> looks);

// Whether one of the pool's threads has no job. Where the place isn't known, any futex is it:
// hardly a job waits for one.
bool waits_for_job(const ts_look& look, const runtime::UvPoolPlaces& places);

}  // namespace timeslice::live
