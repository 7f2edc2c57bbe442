// SPDX-License-Identifier: MIT
// How is a process shown in one line?
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/process_description.h"

namespace timeslice::view {

// "server.js · cluster worker · :3000 · up 2.0 h", with commas where the locale has no dot. What
// isn't known is left out.
void append_description(std::string& out, const model::ProcessDescription& process);

// Null: it isn't among them.
const model::ProcessDescription* description_of(
    const std::vector<model::ProcessDescription>& processes, uint32_t tgid);

// "primary", "worker"; null: it has no cluster.
const char* word_of(model::ClusterRole role);

}  // namespace timeslice::view
