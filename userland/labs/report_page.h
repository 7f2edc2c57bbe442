// SPDX-License-Identifier: MIT
// A lab's run as one HTML page: question, answers, what was measured, and the recording to look at.
#pragma once
#include <string>

#include "labs/parts/text.h"
#include "labs/result.h"
#include "labs/run.h"

namespace timeslice::labs {

// `picture`: as the terminal shows it, without colour. Reads the run's recording. Throws Failure.
std::string report_page(const LabText& text, const Result& result, const Run& run,
                        const std::string& picture);

}  // namespace timeslice::labs
