// SPDX-License-Identifier: MIT
// What does a recording say of itself? Its header and its closing: of what machine it is, what was
// asked for, from when to when, and what is missing.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "observe/stream.h"
#include "record/cut.h"
#include "record/options.h"
#include "trace/recording.h"

namespace timeslice::record {

class Envelope {
 public:
  explicit Envelope(const RecordOptions& options);

  [[nodiscard]] trace::Header header(const Cut& begin, const observe::Stream& stream) const;
  // `lost_before`: by core, when what is kept began.
  [[nodiscard]] trace::Closing closing(const Cut& end, const std::vector<uint64_t>& lost_before,
                                       const observe::Stream& stream,
                                       const std::string& ended_by) const;

 private:
  const RecordOptions& options_;
  uint64_t boot_offset_ns_;  // at the beginning
};

}  // namespace timeslice::record
