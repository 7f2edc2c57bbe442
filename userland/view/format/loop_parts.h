// SPDX-License-Identifier: MIT
// How do the parts of what is known of event loops look in JSON, wherever they stand?
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/block_profile.h"
#include "model/loop_frame.h"

namespace timeslice::view {

using OrderedJson = nlohmann::ordered_json;

double whole_us_in_ms(uint64_t ns);
OrderedJson text_or_null(const std::string& text);
OrderedJson frame_json(const model::StackFrame& frame);
// Adds name, cluster, ports and uptime_s.
void add_description(OrderedJson& to, const model::ProcessDescription& process);
OrderedJson refused_json(const std::vector<model::RefusedProcess>& processes);
OrderedJson queued_json(const std::vector<model::QueuedJobs>& jobs);
// As a line: broken UTF-8 is replaced, and what steers a terminal escaped.
void append_line(std::string& out, const OrderedJson& object);

}  // namespace timeslice::view
