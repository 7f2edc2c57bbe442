// SPDX-License-Identifier: MIT
// How is a recording's report written? As tables for people, as one JSON object on one line in the
// schema "timeslice/report/1", or as CSV. An absent figure is a dash, null, or an empty field.
#pragma once
#include <string>

#include "model/report.h"

namespace timeslice::view {

// `most_rows`: of a table, 0: all.
void append_report_text(std::string& out, const model::Report& report, size_t most_rows);
void append_report_json(std::string& out, const model::Report& report);
void append_report_csv(std::string& out, const model::Report& report);

// One table or object a core, in place of threads, processes or roles.
void append_cores_text(std::string& out, const model::Report& report);
void append_cores_csv(std::string& out, const model::Report& report);

// "trust: nothing lost, 3 waits still open at the window's edge, …"
std::string recording_trust_line(const model::RecordingTrust& trust);

}  // namespace timeslice::view
