// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include "labs/05-policy/lab.h"
#include "labs/parts/by_name.h"
#include "labs/parts/moves.h"

namespace timeslice::labs::policy {

namespace {

constexpr double kHardly = 0.2;  // of the other one's wait

double ms(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

struct Part {
  uint64_t moves = 0, wait_ns = 0;
};

// Of the threads whose names begin so.
Part part_of(const Seen& seen, const Round& round, const std::string& beginning) {
  const auto& threads = seen.history.threads();
  const auto is_meant = [&](uint32_t thread) {
    return took_part(threads[thread]) && threads[thread].comm.rfind(beginning, 0) == 0;
  };
  Part part{moves_of(seen.slices, round, is_meant), 0};
  for (uint32_t i = 0; i < threads.size(); ++i)
    if (is_meant(i)) part.wait_ns += threads[i].wait_sum_ns;
  return part;
}

Truth moves(const char* key, const Part& part) {
  return {key,
          {part.moves > 0 ? "some" : "none"},
          0,
          fmt::format("{} moves; all three together waited {:.0f} ms for a CPU.", part.moves,
                      ms(part.wait_ns))};
}

uint64_t times_preempted_by(const model::History& history, const model::HistoryThread& thread,
                            const std::string& name) {
  uint64_t times = 0;
  for (const model::Pair& pair : thread.preemptors)
    if (pair.peer != model::kNobody && took_part(history.threads()[pair.peer]) &&
        history.threads()[pair.peer].comm == name)
      times += pair.count;
  return times;
}

Parameters variant(Random& random, const Machine& /*machine*/) {
  return {{"ms", random.between(20, 35) * 10}, {"slice", random.between(2, 5)}};
}

Measured measure(const Seen& seen, const Parameters& /*parameters*/) {
  Measured measured;
  const auto free = round_in(seen.output, "free"), pinned = round_in(seen.output, "pinned"),
             fifo = round_in(seen.output, "fifo");
  const auto first = thread_named(seen.history, "lab-fifo"),
             normal = thread_named(seen.history, "lab-normal");
  if (!free || !pinned || !fifo || !first || !normal) {
    measured.no_verdict = "the workload didn't end well; it needs the right to use SCHED_FIFO";
    return measured;
  }
  const Part on_both = part_of(seen, *free, "lab-free"),
             fixed = part_of(seen, *pinned, "lab-pinned");
  if (fixed.wait_ns < on_both.wait_ns)
    measured.no_verdict = fmt::format(
        "the three waited {:.0f} ms pinned and {:.0f} ms free, so somebody else took part; close "
        "what computes, and try again",
        ms(fixed.wait_ns), ms(on_both.wait_ns));
  const uint64_t taken = times_preempted_by(seen.history, *normal, "lab-fifo");
  const double waits = normal->wait_sum_ns ? static_cast<double>(first->wait_sum_ns) /
                                                 static_cast<double>(normal->wait_sum_ns)
                                           : 1;
  measured.figures = {{"moves_free", on_both.moves},
                      {"moves_pinned", fixed.moves},
                      {"wait_ms_free", ms(on_both.wait_ns)},
                      {"wait_ms_pinned", ms(fixed.wait_ns)},
                      {"wait_ms_fifo", ms(first->wait_sum_ns)},
                      {"wait_ms_normal", ms(normal->wait_sum_ns)},
                      {"preempted_by_fifo", taken}};
  measured.truths = {
      moves("free", on_both),
      moves("pinned", fixed),
      {"fifo",
       {waits < kHardly ? "less"
        : waits < 1.5   ? "equal"
                        : "more"},
       0,
       fmt::format("SCHED_FIFO waited {:.1f} ms, the normal one {:.0f} ms, from which it took the "
                   "CPU {} times.",
                   ms(first->wait_sum_ns), ms(normal->wait_sum_ns), taken)},
      {"why",
       {"own"},
       0,
       fmt::format(
           "Pinned, A and B shared a CPU; the three waited {:.0f} ms, not pinned {:.0f} ms.",
           ms(fixed.wait_ns), ms(on_both.wait_ns))}};
  return measured;
}

std::string picture(const Measured& measured) {
  const auto& figures = measured.figures;
  if (!figures.contains("moves_free")) return "";
  const auto ms_of = [&](const char* key) { return figures[key].get<double>(); };
  std::string text = fmt::format("{:<22}{:>12}{:>18}\n", "round", "migrations", "waited for a CPU");
  for (const char* round : {"free", "pinned"})
    text += fmt::format("{:<22}{:>12}{:>15.0f} ms\n", round,
                        figures[std::string("moves_") + round].get<uint64_t>(),
                        ms_of((std::string("wait_ms_") + round).c_str()));
  text += fmt::format("{:<22}{:>12}{:>15.1f} ms\n", "fifo: SCHED_FIFO", "", ms_of("wait_ms_fifo"));
  text += fmt::format("{:<22}{:>12}{:>15.1f} ms, preempted {} times by SCHED_FIFO\n",
                      "fifo: the normal one", "", ms_of("wait_ms_normal"),
                      figures["preempted_by_fifo"].get<uint64_t>());
  return text;
}

}  // namespace

Lab lab() {
  return {.number = 5,
          .slug = "05-policy",
          .variant = variant,
          .workload = workload,
          .measure = measure,
          .rounds = {"free", "pinned", "fifo"},
          .picture = picture};
}

}  // namespace timeslice::labs::policy
