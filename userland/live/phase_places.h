// SPDX-License-Identifier: MIT
// Where do the phases of libuv's turns begin, in the file that a process has it from? By symbols
// that aren't exported: a stripped file has none.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "live/loop_finder.h"
#include "observe/foreign_file.h"
#include "observe/turn_probes.h"

namespace timeslice::live {

struct PhasePlaces {
  observe::ForeignFile file;
  std::vector<observe::PhasePlace> places;
  std::string why;  // there are none: a clause
};

std::shared_ptr<const PhasePlaces> find_phases(uint32_t tgid, const LibuvImage& image);

}  // namespace timeslice::live
