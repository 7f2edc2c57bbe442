// SPDX-License-Identifier: MIT
// Four programs, one after the other: one computes, one sleeps, one yields, and one sends a byte
// back and forth. The first and the third share their CPU with a rival, who computes.
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "labs/03-who-gives-up/lab.h"
#include "labs/parts/programs.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::who_gives_up {

namespace {

void sleep_often(int64_t times) {
  const timespec tenth_of_a_ms{0, 100'000};
  while (times-- > 0) nanosleep(&tenth_of_a_ms, nullptr);
}

void yield_often(int64_t times) {
  while (times-- > 0) sched_yield();
}

void play(int from, int to, int64_t times, bool begins) {
  char ball = 'o';
  while (times-- > 0) {
    if (begins && write(to, &ball, 1) != 1) _exit(1);
    if (read(from, &ball, 1) != 1) _exit(1);
    if (!begins && write(to, &ball, 1) != 1) _exit(1);
  }
}

}  // namespace

int workload(const Setting& setting) {
  const std::vector<uint32_t> cpu = {setting.machine.cpus.at(0)};
  const int64_t times = setting.parameters.at("times"), ms = setting.parameters.at("ms");
  const Program rival{"lab-rival", cpu, [&] { compute_ms(ms); }};
  // On one CPU, a write that wakes the partner would often be interrupted by it.
  const std::vector<uint32_t> other = {setting.machine.cpus.back()};
  int there[2], back[2];
  if (pipe(there) != 0 || pipe(back) != 0) throw Failure("cannot make a pipe");

  std::string output;
  say_round(output, "spin", run_together({{"lab-spin", cpu, [&] { compute_ms(ms); }}, rival}));
  say_round(output, "sleep", run_together({{"lab-sleep", cpu, [&] { sleep_often(times); }}}));
  say_round(output, "yield",
            run_together({{"lab-yield", cpu, [&] { yield_often(times); }}, rival}));
  say_round(output, "pipe",
            run_together({{"lab-pipe", cpu, [&] { play(back[0], there[1], times, true); }},
                          {"lab-partner", other, [&] { play(there[0], back[1], times, false); }}}));
  return write_output(output);
}

}  // namespace timeslice::labs::who_gives_up
