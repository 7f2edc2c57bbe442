// SPDX-License-Identifier: MIT
#include "view/format/order.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace timeslice::view {

namespace {

constexpr uint64_t last = UINT64_MAX;

// An IEEE 754 double compares like its bits, once the negative ones are turned around.
uint64_t ordered_bits(double figure) {
  const auto bits = std::bit_cast<uint64_t>(figure + 0.0);  // -0 becomes 0
  return bits >> 63 ? ~bits : bits | (1ULL << 63);
}

uint64_t key_of(const model::Figure& figure, bool descending) {
  if (!figure || !std::isfinite(*figure)) return last;
  const uint64_t key = ordered_bits(*figure);
  return descending ? ~key : key;
}

// The first 8 bytes decide nearly always; whole texts are compared only where these are equal.
uint64_t key_of(std::string_view text, bool descending) {
  if (text.empty()) return last;
  uint64_t key = 0;
  for (size_t i = 0; i < 8; ++i)
    key = key << 8 | (i < text.size() ? static_cast<uint8_t>(text[i]) : 0);
  return descending ? ~key : key;
}

// A text of up to 7 bytes is all in its key, which then ends in a zero.
bool longer_than_key(uint64_t key, bool descending) {
  return key != last && ((descending ? ~key : key) & 0xff) != 0;
}

struct Access {
  const Column& column;

  [[nodiscard]] auto number(const model::Thread& t) const {
    return column.of_thread != nullptr ? column.of_thread(t) : model::Figure();
  }
  [[nodiscard]] auto number(const model::Process& p) const {
    return column.of_process != nullptr ? column.of_process(p) : model::Figure();
  }
  std::string_view text(const model::Thread& t, Scratch& s) const {
    return column.text_of_thread != nullptr ? column.text_of_thread(t, s) : std::string_view();
  }
  std::string_view text(const model::Process& p, Scratch& s) const {
    return column.text_of_process != nullptr ? column.text_of_process(p, s) : std::string_view();
  }
};

}  // namespace

// Most rows of a busy machine are equal in most figures: all at 0, or all absent. Those at the end
// of the order are told apart first, and stay as they are.
template <typename Row>
void Sorter::find_order(const std::vector<const Row*>& rows, const Order& order) {
  const Access access{*order.column};
  const bool is_text = order.column->kind == Kind::text;
  const bool descending = order.descending();
  Scratch scratch;
  keys_.clear();
  uint64_t greatest = 0;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    const uint64_t key = is_text ? key_of(access.text(*rows[i], scratch), descending)
                                 : key_of(access.number(*rows[i]), descending);
    greatest = std::max(greatest, key);
    keys_.push_back({key, i});
  }
  const bool whole = !is_text || !longer_than_key(greatest, descending);
  const auto tail = std::stable_partition(
      keys_.begin(), keys_.end(), [&](const Key& k) { return !whole || k.key != greatest; });
  std::sort(keys_.begin(), tail, [&](const Key& a, const Key& b) {
    if (a.key != b.key) return a.key < b.key;
    if (is_text && longer_than_key(a.key, descending)) {
      Scratch other;
      const int by_text =
          access.text(*rows[a.index], scratch).compare(access.text(*rows[b.index], other));
      if (by_text != 0) return descending ? by_text > 0 : by_text < 0;
    }
    return a.index < b.index;  // as the frame has them: the sort is stable
  });
}

template <typename Row>
void Sorter::sort_rows(std::vector<const Row*>& rows, const Order& order) {
  find_order(rows, order);
  before_.assign(rows.begin(), rows.end());
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i] = static_cast<const Row*>(before_[keys_[i].index]);
}

const std::vector<uint32_t>& Sorter::sorted(const std::vector<const model::Thread*>& threads,
                                            const Order& order) {
  find_order(threads, order);
  indices_.clear();
  for (const Key& key : keys_) indices_.push_back(key.index);
  return indices_;
}

void Sorter::sort(std::vector<const model::Thread*>& threads, const Order& order) {
  sort_rows(threads, order);
}

void Sorter::sort(std::vector<const model::Process*>& processes, const Order& order) {
  sort_rows(processes, order);
}

}  // namespace timeslice::view
