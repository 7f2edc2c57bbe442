// SPDX-License-Identifier: MIT
// What did libbpf say when a program could not be loaded? It is kept, not printed, so that the
// reason can stand in one sentence.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/failure.h"

struct bpf_map;

namespace timeslice::observe {

// Keeps libbpf's warnings from now on, and forgets those before.
void listen_to_libbpf();

// "cannot load WHAT: reason", the reason from `error` (positive) and from the line of libbpf's
// warnings that names the cause, with what to do about it.
[[nodiscard]] Failure libbpf_failure(const char* what, int error);

// Puts the tgids into a loaded program's filter.
void fill_filter(bpf_map* map, const std::vector<uint32_t>& tgids);

}  // namespace timeslice::observe
