// SPDX-License-Identifier: MIT
#include "view/screen/list_state.h"

#include <fnmatch.h>
#include <string.h>

#include <algorithm>

#include "view/format/columns.h"

namespace timeslice::view {

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.find_first_of("*?[") != std::string_view::npos)
    return fnmatch(std::string(pattern).c_str(), std::string(text).c_str(), FNM_CASEFOLD) == 0;
  return strcasestr(std::string(text).c_str(), std::string(pattern).c_str()) != nullptr;
}

bool ListState::shown(const model::Process& process) const {
  return kernel_threads || !process.kernel;
}

bool ListState::passes(const model::Thread& t) const {
  if (filter.empty()) return true;
  if (matches(filter, t.role.name)) return true;
  return matches(filter, {t.row.comm, strnlen(t.row.comm, TS_COMM_SIZE)});
}

// Those that pass, or all. Returns how many that ended have found no room among the rows.
size_t ListState::take_threads(const model::Process& process, bool whole) {
  size_t ended = 0;
  for (const model::Thread* t : process.threads) {
    if (!whole && !passes(*t)) continue;
    if (t->ended && ++ended > ended_rows) continue;
    threads_.push_back(t);
  }
  return ended - std::min(ended, ended_rows);
}

// The process whose own name passes is shown with all its threads, others with those that pass.
void ListState::add_process(const model::Process& process) {
  threads_.clear();
  const bool whole = filter.empty() || matches(filter, process.comm);
  const size_t hidden = take_threads(process, whole);
  if (threads_.empty() && !whole) return;
  if (process.is_one_thread() && threads) {
    rows_.push_back({&process, process.threads.front()});
    return;
  }
  const bool folded = threads && folded_.count(process.tgid) > 0;
  rows_.push_back({&process, nullptr, false, threads, folded});
  if (folded || !threads) return;
  sorter_.sort(threads_, order);
  for (const model::Thread* t : threads_) rows_.push_back({&process, t, true});
  if (hidden > 0 || process.ended_did_something())
    rows_.push_back(
        {.process = &process, .indented = true, .ended_sum = true, .ended_hidden = hidden});
}

void ListState::add_tree() {
  sorter_.sort(processes_, order);
  for (const model::Process* p : processes_) add_process(*p);
}

void ListState::add_flat() {
  threads_.clear();
  size_t hidden = 0;
  const model::Process* of_them = nullptr;
  for (const model::Process* p : processes_) {
    const size_t more = take_threads(*p, filter.empty() || matches(filter, p->comm));
    hidden += more;
    if (more > 0) of_them = p;
  }
  sorter_.sort(threads_, order);
  for (const model::Thread* t : threads_) rows_.push_back({t->process, t});
  if (hidden > 0) rows_.push_back({.process = of_them, .ended_sum = true, .ended_hidden = hidden});
}

void ListState::arrange(const model::Frame& frame) {
  rows_.clear();
  processes_.clear();
  for (const model::Process* p : frame.processes)
    if (shown(*p)) processes_.push_back(p);
  forget_vanished_folds(frame);
  if (tree || !threads)
    add_tree();
  else
    add_flat();
  find_selected();
  keep_in_sight();
}

// A tgid is reused one day; the new process must not be folded because of the old one.
void ListState::forget_vanished_folds(const model::Frame& frame) {
  if (folded_.empty()) return;
  std::unordered_set<uint32_t> kept;
  for (const model::Process* p : frame.processes)
    if (folded_.count(p->tgid) > 0) kept.insert(p->tgid);
  folded_.swap(kept);
}

// In a flat list one row sums up what ended of all processes, and is nobody's.
ListState::Identity ListState::identity_of(const Row& row) {
  const uint32_t tgid = row.ended_sum && !row.indented ? 0 : row.process->tgid;
  if (row.thread == nullptr) return {tgid, {}, row.ended_sum};
  return {tgid, {row.thread->row.tid, row.thread->row.start_ns}, false};
}

void ListState::find_selected() {
  if (rows_.empty() || !follow_) {
    selected_ = 0;
    return;
  }
  selected_ = std::min(selected_, rows_.size() - 1);
  size_t of_process = rows_.size();
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (identity_of(rows_[i]) == identity_) {
      selected_ = i;
      return;
    }
    if (rows_[i].process->tgid == identity_.tgid && of_process == rows_.size()) of_process = i;
  }
  // The thread is gone or folded away: its process is the nearest thing, else the place it had.
  if (of_process < rows_.size()) selected_ = of_process;
  remember_selected();
}

void ListState::remember_selected() {
  if (const Row* row = selected_row()) identity_ = identity_of(*row);
}

void ListState::keep_in_sight() {
  const size_t most = rows_.size() > height_ ? rows_.size() - height_ : 0;
  if (selected_ < top_) top_ = selected_;
  if (selected_ >= top_ + height_) top_ = selected_ - height_ + 1;
  top_ = std::min(top_, most);
}

void ListState::set_height(size_t lines) {
  height_ = std::max<size_t>(lines, 1);
  keep_in_sight();
}

void ListState::move(long rows) {
  if (rows_.empty()) return;
  const long last = static_cast<long>(rows_.size()) - 1;
  selected_ = static_cast<size_t>(std::clamp(static_cast<long>(selected_) + rows, 0L, last));
  follow_ = true;
  remember_selected();
  keep_in_sight();
}

void ListState::page(long pages) {
  move(pages * static_cast<long>(std::max<size_t>(height_ - 1, 1)));
}

void ListState::home() {
  follow_ = false;
  selected_ = 0;
  keep_in_sight();
}

void ListState::end() { move(static_cast<long>(rows_.size())); }

void ListState::toggle_fold() {
  const Row* row = selected_row();
  if (row == nullptr || row->process->is_one_thread()) return;
  const uint32_t tgid = row->process->tgid;
  if (folded_.erase(tgid) == 0) folded_.insert(tgid);
  follow_ = true;
  identity_ = {tgid, 0, 0, false};  // the process's row: it is there, folded or not
}

void ListState::fold_all(bool fold, const model::Frame& frame) {
  folded_.clear();
  if (!fold) return;
  for (const model::Process* p : frame.processes)
    if (!p->is_one_thread()) folded_.insert(p->tgid);
}

}  // namespace timeslice::view
