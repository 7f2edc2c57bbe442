// SPDX-License-Identifier: MIT
#include "tools/frame_printer.h"

#include "tools/output.h"
#include "view/format/csv.h"
#include "view/format/json.h"

namespace timeslice::tools {

bool FramePrinter::begin() {
  if (format_ != Format::csv) return true;
  view::append_csv_header(text_);
  return write_all(text_);
}

bool FramePrinter::print(const model::Frame& frame, std::string_view clock) {
  text_.clear();
  if (format_ == Format::json) {
    view::append_json(text_, frame);
  } else if (format_ == Format::csv) {
    view::append_csv(text_, frame, order_);
  } else {
    view::TextOptions how;
    how.order = order_;
    how.clock = clock;
    writer_.append(text_, frame, how);
  }
  return write_all(text_);
}

}  // namespace timeslice::tools
