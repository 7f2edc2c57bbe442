// SPDX-License-Identifier: MIT
// Which columns stand side by side on a screen of this width? The most valuable first; what doesn't
// fit is on further pages, which the arrow keys turn.
#pragma once
#include <vector>

#include "model/frame.h"
#include "view/screen/list_state.h"

namespace timeslice::view {

struct PlacedColumn {
  const Column* column;
  int x, width;
};

struct Layout {
  std::vector<PlacedColumn> columns;
  size_t page = 0, pages = 1;
};

// `page` may be any number: beyond the last comes the last.
Layout lay_out(int width, size_t page, const ListState& list, const model::Frame& frame);

}  // namespace timeslice::view
