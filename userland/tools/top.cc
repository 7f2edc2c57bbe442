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

// What was recorded is settled; what is shown of it can still be chosen by --comm.
void refuse_what_is_live(const TopOptions& options, const std::vector<std::string>& pids,
                         const std::string& source, const std::string& probes) {
  const char* refused = !pids.empty()                   ? "-p"
                        : !options.watch.cgroup.empty() ? "--cgroup"
                        : !source.empty()               ? "--source"
                        : !probes.empty()               ? "--probes"
                                                        : nullptr;
  if (refused)
    throw BadUsage(std::string("--replay shows what was recorded, so ") + refused +
                   " doesn't go with it; leave one of the two out");
}

// What CLI11 can't say by itself: options that contradict each other, and defaults that depend.
void settle(TopOptions& options, const std::vector<std::string>& pids, const std::string& source,
            const std::string& probes, const std::string& sort) {
  if (!options.replay.empty()) refuse_what_is_live(options, pids, source, probes);
  options.watch.tgids = named_processes(pids);
  if (source == "proc") options.watch.from = observe::From::proc;
  if (source == "kmod") options.watch.from = observe::From::kmod;
  if (probes == "sched") options.watch.probes = observe::Probes::sched;
  if (options.watch.from == observe::From::proc && options.watch.probes == observe::Probes::sched)
    throw BadUsage("--source proc has no probes; leave out --probes sched");
  if (!sort.empty()) options.order.column = &view::find_column(sort);
  const bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  if (options.format == Format::screen && !terminal)
    throw Failure("stdin or stdout is no terminal; use -b for batch mode");
}

void add_output_options(CLI::App& top, TopOptions& options) {
  top.add_flag_callback(
      "-b,--batch",
      [&options] {
        if (options.format == Format::screen) options.format = Format::text;
      },
      "Print tables instead of a screen");
  top.add_flag_callback(
      "--json", [&options] { options.format = Format::json; },
      "Print one JSON object a refresh (implies -b)");
  top.add_flag_callback(
      "--csv", [&options] { options.format = Format::csv; },
      "Print one CSV line a thread and refresh (implies -b)");
  top.add_option("-n,--refreshes", options.refreshes, "End after N refreshes")
      ->type_name("N")
      ->check(whole_within(1, 1'000'000'000));
  top.add_option("-d,--delay", options.delay_s, "Seconds between refreshes, 0.05 to 3600")
      ->type_name("SEC")
      ->check(number_within(0.05, 3600));
  top.add_flag("--ascii", options.ascii, "Draw with ASCII characters only");
}

}  // namespace

void add_top(CLI::App& app) {
  CLI::App* top = app.add_subcommand("top", "Live view of cores, processes and threads");
  auto options = std::make_shared<TopOptions>();
  auto pids = std::make_shared<std::vector<std::string>>();
  auto source = std::make_shared<std::string>();
  auto probes = std::make_shared<std::string>();
  auto sort = std::make_shared<std::string>();

  add_output_options(*top, *options);
  top->add_option("-p,--pid", *pids, "Only these processes")
      ->type_name("PID[,PID]")
      ->take_all()
      ->check(names_something);
  top->add_option("--comm", options->watch.comm_glob, "Only processes whose comm matches")
      ->type_name("GLOB")
      ->check(names_something);
  top->add_option("--cgroup", options->watch.cgroup, "Only processes in this cgroup or below")
      ->type_name("PATH")
      ->check(names_something);
  top->add_option("--sort", *sort, "Sort threads by this column")->type_name("COL");
  top->add_option("--probes", *probes,
                  "none: what the kernel counts anyway; sched: add waits, "
                  "preemptors and wakers by tracepoints")
      ->check(one_of({"none", "sched"}));
  top->add_option("--source", *source,
                  "bpf; kmod, our module, where it is loaded; proc, where neither is wanted")
      ->check(one_of({"bpf", "kmod", "proc"}));
  top->add_option("--replay", options->replay, "A recording instead of the machine as it is now")
      ->type_name("FILE")
      ->check(names_something);
  top->callback([=] {
    if (top->count("--json") > 0 && top->count("--csv") > 0)
      throw BadUsage("either --json or --csv can be printed, not both");
    settle(*options, *pids, *source, *probes, *sort);
    run_top(*options);
  });
}

}  // namespace timeslice::tools
