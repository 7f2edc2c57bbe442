// SPDX-License-Identifier: MIT
// What must view::append_json write? The same document, made the plain way: every value an object
// of the JSON library, and the library's own text of the whole. Slow, and easy to see through.
#pragma once
#include <string>

#include "model/frame.h"

namespace timeslice::test {

void append_json_by_library(std::string& out, const model::Frame& frame);

}  // namespace timeslice::test
