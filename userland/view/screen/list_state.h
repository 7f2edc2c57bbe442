// SPDX-License-Identifier: MIT
// Which rows does the list have, and which part of it is in sight? The rows of a frame by what the
// user chose: order, tree or flat, folds, filter, kernel threads. Between refreshes it remembers
// ids only, never a pointer: the frame is built anew each time.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/thread_key.h"
#include "model/frame.h"
#include "view/format/order.h"

namespace timeslice::view {

// A process has one row and its threads one each. A process of a single thread has one row for
// both.
struct Row {
  const model::Process* process = nullptr;
  const model::Thread* thread = nullptr;  // null: the row is the process's
  bool indented = false;                  // a thread below its process
  bool foldable = false;                  // a process above its threads, or with them folded away
  bool folded = false;
  bool ended_sum = false;   // no thread's: what the process's threads did that ended meanwhile
  size_t ended_hidden = 0;  // and so many of those have no row
};

// A process's ended threads may be thousands; so many have a row each.
constexpr size_t ended_rows = 3;

// Does `text` hold the pattern, upper and lower case being the same? With *, ? or [ it is a glob
// for the whole text.
bool matches(std::string_view pattern, std::string_view text);

class ListState {
 public:
  Order order;
  bool tree = true;
  bool threads = true;  // false: processes only
  bool kernel_threads = false;
  std::string filter;  // of comms and roles; empty: all

  // Takes the rows of this frame, and finds the selected one again. Call it, too, when one of the
  // settings above or the folds have changed.
  void arrange(const model::Frame& frame);

  void set_height(size_t lines);  // how many rows are in sight
  void move(long rows);           // the selection, and what is in sight follows
  void page(long pages);
  void home();  // from here on the selection stays on the first row, whichever that is
  void end();
  // Folds the selected row's process, or unfolds it; arrange() then has the rows.
  void toggle_fold();
  void fold_all(bool fold, const model::Frame& frame);

  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
  [[nodiscard]] size_t selected() const { return selected_; }
  [[nodiscard]] size_t top() const { return top_; }
  [[nodiscard]] const Row* selected_row() const {
    return rows_.empty() ? nullptr : &rows_[selected_];
  }

 private:
  struct Identity {
    uint32_t tgid = 0;
    ThreadKey thread;  // tid 0: no thread's row
    bool ended_sum = false;
    bool operator==(const Identity&) const = default;
  };

  static Identity identity_of(const Row& row);
  void add_tree();
  void add_flat();
  void add_process(const model::Process& process);
  size_t take_threads(const model::Process& process, bool whole);
  [[nodiscard]] bool shown(const model::Process& process) const;
  [[nodiscard]] bool passes(const model::Thread& thread) const;
  void find_selected();
  void remember_selected();
  void forget_vanished_folds(const model::Frame& frame);
  void keep_in_sight();

  std::vector<Row> rows_;
  std::unordered_set<uint32_t> folded_;  // tgids
  bool follow_ = false;                  // the selection sticks to a row, not to the first place
  Identity identity_;
  size_t selected_ = 0, top_ = 0, height_ = 1;

  Sorter sorter_;
  std::vector<const model::Process*> processes_;
  std::vector<const model::Thread*> threads_;
};

}  // namespace timeslice::view
