// SPDX-License-Identifier: MIT
// Which file is a script, and which line and column is an offset in its text? V8 keeps where lines
// end once somebody has asked; else they are counted here, once for a script, for scripts last. A
// script may move: it is known again by its number and its name.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/v8_heap.h"

namespace timeslice::runtime {

struct V8Place {
  int line = 0, column = 0;  // from 1; 0: not known
};

class V8Script {
 public:
  std::string name;  // a path, a URL, "node:..."; empty: text from eval and the like
  int first_line = 0;
  std::vector<uint32_t> line_ends;  // where each line's end is, in units; empty: not known

  [[nodiscard]] V8Place place(int text_offset) const;
};

class V8Scripts {
 public:
  // What is known of a Script of this isolate. Absent: it is none.
  std::shared_ptr<const V8Script> find(V8Heap& heap, const V8Object& script, uint64_t isolate);

 private:
  using Key = std::tuple<uint64_t, int, uint32_t, std::string>;  // isolate, number, length, name

  std::map<Key, std::shared_ptr<const V8Script>> known_;
  size_t lines_ = 0;  // of all of them
};

}  // namespace timeslice::runtime
