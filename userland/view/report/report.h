// SPDX-License-Identifier: MIT
// How is a recording's report written? As tables for people, as one JSON object on one line in the
// schema "timeslice/report/1", or as CSV. An absent figure is a dash, null, or an empty field.
#pragma once
#include <string>

#include "model/loop_frame.h"
#include "model/report.h"
#include "model/uring_frame.h"

namespace timeslice::view {

// `most_rows`: of a table, 0: all.
void append_report_text(std::string& out, const model::Report& report, size_t most_rows);
void append_report_json(std::string& out, const model::Report& report);
void append_report_csv(std::string& out, const model::Report& report);

// One table or object a core, in place of threads, processes or roles.
void append_cores_text(std::string& out, const model::Report& report);
void append_cores_csv(std::string& out, const model::Report& report);

// One a loop, with what blocked it. `loops`: of the report's window.
void append_loops_text(std::string& out, const model::Report& report,
                       const model::LoopFrame& loops);
void append_loops_json(std::string& out, const model::Report& report,
                       const model::LoopFrame& loops);
void append_loops_csv(std::string& out, const model::LoopFrame& loops);

// io_uring's rings, and what was done by them. `rings`: of the report's window.
void append_rings_text(std::string& out, const model::Report& report,
                       const model::UringFrame& rings);
void append_rings_json(std::string& out, const model::Report& report,
                       const model::UringFrame& rings);
void append_rings_csv(std::string& out, const model::UringFrame& rings);

// "trust: nothing lost, 3 waits still open at the window's edge, …"
std::string recording_trust_line(const model::RecordingTrust& trust);

}  // namespace timeslice::view
