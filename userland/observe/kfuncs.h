// SPDX-License-Identifier: MIT
// Does this kernel have the functions that a program of ours wants to call? They are called by
// numbers of ours (bpf/kfuncs.h), in whose place the kernel wants their ids in its types.
#pragma once
#include <bpf/libbpf.h>

namespace timeslice::observe {

// Before the load. False: it lacks one, and `program` is as it was.
[[nodiscard]] bool find_kfuncs(bpf_program* program);

}  // namespace timeslice::observe
