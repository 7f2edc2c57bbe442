// SPDX-License-Identifier: MIT
#include "model/rates.h"

namespace timeslice::model {

double growth(uint64_t before, uint64_t now) {
  return now > before ? static_cast<double>(now - before) : 0;
}

void set_rates(Thread& thread, const ts_thread_row& before, double seconds) {
  const ts_thread_row& now = thread.row;
  const uint32_t both = now.record.have & before.record.have;
  const auto rate = [&](uint32_t group, uint64_t from, uint64_t to, double scale) {
    return both & group ? Figure(growth(from, to) * scale / seconds) : std::nullopt;
  };
  thread.cpu_pct = rate(TS_HAVE_CPU, before.cpu_ns, now.cpu_ns, 100 / kNsPerS);
  thread.nvcsw_per_s = rate(TS_HAVE_SWITCHES, before.nvcsw, now.nvcsw, 1);
  thread.nivcsw_per_s = rate(TS_HAVE_SWITCHES, before.nivcsw, now.nivcsw, 1);
  thread.migrations_per_s = rate(TS_HAVE_MIGRATIONS, before.migrations, now.migrations, 1);
  thread.wait_ms_per_s = rate(TS_HAVE_WAIT, before.run_delay_ns + before.pending_wait_ns,
                              now.run_delay_ns + now.pending_wait_ns, 1e-6);
}

void clear_rates(Thread& thread) {
  thread.cpu_pct = thread.nvcsw_per_s = thread.nivcsw_per_s = std::nullopt;
  thread.wait_ms_per_s = thread.migrations_per_s = std::nullopt;
}

Core shown_core(const ts_core_row& now, const ts_core_row* before, Figure seconds) {
  Core core;
  core.cpu = now.cpu;
  if (now.record.have & TS_HAVE_CORE_QUEUE) core.queue_len = now.queue_len;
  if (!before || !seconds) return core;
  const uint32_t both = now.record.have & before->record.have;
  if (both & TS_HAVE_CORE_SWITCHES)
    core.switches_per_s = growth(before->switches, now.switches) / *seconds;
  const double busy = growth(before->busy_ns, now.busy_ns);
  const double idle = growth(before->idle_ns, now.idle_ns);
  if ((both & TS_HAVE_CORE_BUSY) && busy + idle > 0) core.busy_ratio = busy / (busy + idle);
  return core;
}

}  // namespace timeslice::model
