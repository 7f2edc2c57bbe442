// SPDX-License-Identifier: MIT
// timeslice SUBCOMMAND: which part of the tool was asked for, and how did it end? Exit status 0:
// done. 1: failed, with one sentence on stderr. 2: bad usage.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "tools/check.h"
#include "tools/demo.h"
#include "tools/lanes.h"
#include "tools/record.h"
#include "tools/report.h"
#include "tools/timeline.h"
#include "tools/top.h"

int main(int argc, char** argv) {
  CLI::App app("What the operating system does with your threads.", "timeslice");
  app.require_subcommand(1);
  app.get_formatter()->column_width(28);
  timeslice::tools::add_top(app);
  timeslice::tools::add_record(app);
  timeslice::tools::add_report(app);
  timeslice::tools::add_lanes(app);
  timeslice::tools::add_timeline(app);
  timeslice::add_demo(app);
  timeslice::tools::add_check(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "timeslice: %s\n", error.what());
    return 1;
  }
}
