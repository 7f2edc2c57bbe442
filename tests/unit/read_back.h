// SPDX-License-Identifier: MIT
// What does a recording that a test has written say of loops and rings when it is read again?
#pragma once
#include <string>

#include "tests/catch.h"
#include "trace/reader.h"

namespace timeslice::trace {

struct Collect : Visitor {
  void header(const Header& header) override { read_header = header; }
  void row(Moment, const ts_thread_row&) override {}
  void role(const RoleNote&) override {}
  void loops(const LoopNotes& notes) override { read_loops = notes; }
  void rings(const UringNotes& notes) override { read_rings = notes; }
  void closing(const Closing&) override {}
  void event(const ts_event&) override {}
  Header read_header;
  LoopNotes read_loops;
  UringNotes read_rings;
};

// Of which nothing may be broken, or unknown.
inline Collect read_back(const std::string& file) {
  Collect collect;
  const Summary summary = read(*in_memory(file), "made", collect);
  CHECK(summary.broken == 0);
  CHECK(summary.passed_over == 0);
  return collect;
}

}  // namespace timeslice::trace
