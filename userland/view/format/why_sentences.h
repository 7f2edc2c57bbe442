// SPDX-License-Identifier: MIT
// How is a cause told to people? What it is with its figures, and what to do about it.
#pragma once
#include <string>

#include "model/why.h"

namespace timeslice::view {

// Sentences, printable, without a line break. `watched_ns`: for how long.
std::string sentence_of(const model::Cause& cause, uint64_t watched_ns);
std::string advice_of(const model::Finding& finding);  // empty: nothing is to be done
std::string title_of(const model::Finding& finding);   // "blocked loop"
// "measured", "likely", "possible": how sure.
const char* confidence_word(double confidence);

}  // namespace timeslice::view
