// SPDX-License-Identifier: MIT
// How does a frame get to stdout in batch mode? As a table, as JSON or as CSV.
#pragma once
#include <string>
#include <string_view>

#include "tools/top_run.h"
#include "view/format/text.h"

namespace timeslice::tools {

class FramePrinter {
 public:
  FramePrinter(Format format, const view::Order& order) : format_(format), order_(order) {}

  // Both are false once nobody reads stdout any more.
  bool begin();
  bool print(const model::Frame& frame, std::string_view clock);

 private:
  Format format_;
  view::Order order_;
  view::TextWriter writer_;
  std::string text_;
};

}  // namespace timeslice::tools
