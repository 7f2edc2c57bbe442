// SPDX-License-Identifier: MIT
#include "record/envelope.h"

#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"

namespace timeslice::record {

namespace {

constexpr uint64_t kClockNoise_ns = 1'000'000;

// How much longer than CLOCK_MONOTONIC the machine has been up: the time that it was suspended.
// Both clocks tick alike, so what is less than it takes to read them is nothing.
uint64_t boot_offset_ns() {
  const uint64_t before = monotonic_ns();
  const uint64_t boot = clock_ns(CLOCK_BOOTTIME);
  return boot > monotonic_ns() ? boot - before : 0;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

Envelope::Envelope(const RecordOptions& options)
    : options_(options), boot_offset_ns_(boot_offset_ns()) {}

trace::Header Envelope::header(const Cut& begin, const observe::Stream& stream) const {
  trace::Header header;
  header.begin_ns = begin.moment_ns;
  header.boot_offset_ns = boot_offset_ns_;
  header.realtime_ns = ClockPair{stream.now_ns(), realtime_ns()}.realtime_at(begin.moment_ns);
  utsname machine{};
  uname(&machine);
  header.system = machine.sysname;
  header.release = machine.release;
  header.machine = machine.machine;
  header.cores = static_cast<uint32_t>(stream.figures().size());
  header.filtered = options_.filtered();
  if (!header.filtered) {  // else it isn't known what they do
    header.online = begin.online;
    header.idle = begin.idle;
  }
  header.tgids = options_.tgids;
  header.asked = joined(options_.command);
  header.loop_block_ns = options_.loop_block_ns;
  header.rings = options_.rings;
  header.recorder_tgid = static_cast<uint32_t>(getpid());
  return header;
}

trace::Closing Envelope::closing(const Cut& end, const std::vector<uint64_t>& lost_before,
                                 const observe::Stream& stream, const std::string& ended_by) const {
  trace::Closing closing;
  closing.end_ns = end.moment_ns;
  for (size_t cpu = 0; cpu < end.lost.size(); ++cpu)
    closing.lost.push_back(end.lost[cpu] - lost_before[cpu]);
  closing.filter_failures = stream.filter_failures();
  const uint64_t offset_ns = boot_offset_ns();
  if (offset_ns > boot_offset_ns_ + kClockNoise_ns)
    closing.suspended_ns = offset_ns - boot_offset_ns_;
  closing.recorder_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  closing.ended_by = ended_by;
  return closing;
}

}  // namespace timeslice::record
