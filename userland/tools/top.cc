// SPDX-License-Identifier: MIT
#include "tools/top.h"

#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <memory>

#include "base/bad_usage.h"
#include "tools/checks.h"
#include "tools/named_processes.h"
#include "tools/top_run.h"

namespace timeslice::tools {

namespace {

// What was recorded can't be changed; what is shown of it can still be selected by --comm.
void refuse_what_is_live(const TopOptions& options, const std::vector<std::string>& pids,
                         const std::string& source, const std::string& probes) {
  const char* refused = !pids.empty()                   ? "-p"
                        : !options.watch.cgroup.empty() ? "--cgroup"
                        : !source.empty()               ? "--source"
                        : !probes.empty()               ? "--probes"
                                                        : nullptr;
  if (refused)
    throw BadUsage(std::string("--replay shows a recording, so it can't be combined with ") +
                   refused + "; use one of the two");
}

// What CLI11 can't say by itself: options that contradict each other, and defaults that depend.
void settle(TopOptions& options, const std::vector<std::string>& pids, const std::string& source,
            const std::string& probes, const std::string& sort) {
  if (!options.replay.empty()) refuse_what_is_live(options, pids, source, probes);
  options.watch.tgids = named_processes(pids);
  options.watch.loops = true;
  if (source == "proc") options.watch.from = observe::From::proc;
  if (source == "kmod") options.watch.from = observe::From::kmod;
  if (probes == "sched") options.watch.probes = observe::Probes::sched;
  if (options.watch.from == observe::From::proc && options.watch.probes == observe::Probes::sched)
    throw BadUsage("--source proc has no probes; omit --probes sched");
  if (!sort.empty()) options.order.column = &view::find_column(sort);
  const bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  if (options.format == Format::screen && !terminal)
    throw Failure("stdin or stdout is not a terminal; use -b for batch mode");
}

void add_output_options(CLI::App& top, TopOptions& options) {
  top.add_flag_callback(
      "-b,--batch",
      [&options] {
        if (options.format == Format::screen) options.format = Format::text;
      },
      "Batch mode: print tables instead of drawing a screen");
  top.add_flag_callback(
      "--json", [&options] { options.format = Format::json; },
      "Print one JSON object per refresh (implies -b)");
  top.add_flag_callback(
      "--csv", [&options] { options.format = Format::csv; },
      "Print one CSV line per thread per refresh (implies -b)");
  top.add_option("-n,--refreshes", options.refreshes, "Exit after N refreshes")
      ->type_name("N")
      ->check(whole_within(1, 1'000'000'000));
  top.add_option("-d,--delay", options.delay_s, "Seconds between refreshes, 0.05 to 3600")
      ->type_name("SEC")
      ->check(number_within(0.05, 3600));
  top.add_flag("--ascii", options.ascii, "Use ASCII characters only");
}

}  // namespace

void add_top(CLI::App& app) {
  CLI::App* top = app.add_subcommand("top", "Live view of CPUs, processes and threads");
  auto options = std::make_shared<TopOptions>();
  auto pids = std::make_shared<std::vector<std::string>>();
  auto source = std::make_shared<std::string>();
  auto probes = std::make_shared<std::string>();
  auto sort = std::make_shared<std::string>();

  add_output_options(*top, *options);
  top->add_option("-p,--pid", *pids, "Show only these processes")
      ->type_name("PID[,PID]")
      ->take_all()
      ->check(names_something);
  top->add_option("--comm", options->watch.comm_glob, "Show only processes whose comm matches")
      ->type_name("GLOB")
      ->check(names_something);
  top->add_option("--cgroup", options->watch.cgroup,
                  "Show only processes in this cgroup or below it")
      ->type_name("PATH")
      ->check(names_something);
  top->add_option("--sort", *sort, "Sort threads by this column")->type_name("COL");
  top->add_option("--probes", *probes,
                  "none: only what the kernel counts anyway; sched: attach to the scheduler's "
                  "tracepoints, for wait percentiles, preemptors and wakers")
      ->check(one_of({"none", "sched"}));
  top->add_option("--source", *source,
                  "bpf: eBPF; kmod: the Timeslice module, if it is loaded; proc: /proc alone")
      ->check(one_of({"bpf", "kmod", "proc"}));
  top->add_option("--replay", options->replay, "Show a recording instead of the live machine")
      ->type_name("FILE")
      ->check(names_something);
  top->callback([=] {
    if (top->count("--json") > 0 && top->count("--csv") > 0)
      throw BadUsage("use either --json or --csv, not both");
    settle(*options, *pids, *source, *probes, *sort);
    run_top(*options);
  });
}

}  // namespace timeslice::tools
