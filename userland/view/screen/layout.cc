// SPDX-License-Identifier: MIT
#include "view/screen/layout.h"

#include <algorithm>

#include "view/format/columns.h"

namespace timeslice::view {

namespace {

constexpr int first_x = 1;            // behind the fold marker
constexpr int both_names_from = 110;  // this wide, comm and role have a column each
using ColumnList = std::vector<const Column*>;

bool wanted(const Column& c, int width, const ListState& list, const model::Frame& frame) {
  if (c.place == Place::files || !measured(c, frame)) return false;
  const bool flat = !list.tree && list.threads;
  if (c.id == ColumnId::tgid) return flat;  // in the tree, the process's line has it
  if (c.id == ColumnId::threads) return !flat;
  if (c.id == ColumnId::name) return width < both_names_from;
  if (c.id == ColumnId::comm || c.id == ColumnId::role)
    return width >= both_names_from || list.order.column == &c;
  return true;
}

bool always(const Column& c, const ListState& list) {
  return c.rank == 0 || list.order.column == &c;
}

// How many character cells are free? Columns have a blank between them.
int room_beside(const ColumnList& list, int width) {
  int room = width - first_x + 1;
  for (const Column* c : list) room -= c->least_width + 1;
  return room;
}

// `fixed` and those of `left` that fit beside it, best rank first; these leave `left`.
ColumnList take_page(const ColumnList& fixed, ColumnList& left, int width) {
  ColumnList page = fixed, later;
  int room = room_beside(fixed, width);
  for (const Column* c : left) {
    const bool fits = c->least_width < room;
    if (fits) room -= c->least_width + 1;
    (fits ? page : later).push_back(c);
  }
  if (page.size() == fixed.size()) later.clear();  // no room for any: don't try forever
  left.swap(later);
  return page;
}

// In the order of the table; what is left of the width goes to those that can use it.
std::vector<PlacedColumn> place(ColumnList page, int width) {
  int room = room_beside(page, width);
  std::vector<PlacedColumn> placed;
  placed.reserve(page.size());
  std::sort(page.begin(), page.end());  // pointers into one table
  for (const Column* c : page) placed.push_back({c, 0, c->least_width});
  std::vector<PlacedColumn*> by_rank;
  by_rank.reserve(placed.size());
  for (PlacedColumn& p : placed) by_rank.push_back(&p);
  std::stable_sort(by_rank.begin(), by_rank.end(),
                   [](const auto* a, const auto* b) { return a->column->rank < b->column->rank; });
  for (PlacedColumn* p : by_rank) {
    const int more = std::clamp(p->column->most_width - p->width, 0, std::max(room, 0));
    p->width += more;
    room -= more;
  }
  int x = first_x;
  for (PlacedColumn& p : placed) {
    p.x = x;
    x += p.width + 1;
  }
  return placed;
}

// Of the turn mark, "1/2>", in the line of the headings.
constexpr int mark_width = 4;

bool leaves_room_for_mark(const std::vector<PlacedColumn>& columns, int width) {
  const PlacedColumn& last = columns.back();
  const auto heading = static_cast<int>(last.column->heading.size());
  return last.x + (last.column->kind == Kind::text ? heading : last.width) <= width - mark_width;
}

Layout lay_out_within(int width, size_t page, const ColumnList& fixed, ColumnList left) {
  std::vector<ColumnList> pages;
  do pages.push_back(take_page(fixed, left, width));
  while (!left.empty());
  Layout layout;
  layout.pages = pages.size();
  layout.page = std::min(page, pages.size() - 1);
  layout.columns = place(pages[layout.page], width);
  return layout;
}

}  // namespace

Layout lay_out(int width, size_t page, const ListState& list, const model::Frame& frame) {
  ColumnList fixed, left;
  for (const Column& c : columns())
    if (wanted(c, width, list, frame)) (always(c, list) ? fixed : left).push_back(&c);
  std::stable_sort(left.begin(), left.end(),
                   [](const Column* a, const Column* b) { return a->rank < b->rank; });
  Layout layout = lay_out_within(width, page, fixed, left);
  if (layout.pages == 1 || leaves_room_for_mark(layout.columns, width)) return layout;
  return lay_out_within(width - mark_width - 1, page, fixed, left);
}

}  // namespace timeslice::view
