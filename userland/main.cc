// SPDX-License-Identifier: MIT
// timeslice SUBCOMMAND: which part of the tool was asked for, and how did it end? Exit status 0:
// done. 1: failed, with one sentence on stderr. 2: bad usage. A recorded command's is its own.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "base/bad_usage.h"
#include "tools/check.h"
#include "tools/demo.h"
#include "tools/lab.h"
#include "tools/lanes.h"
#include "tools/loop.h"
#include "tools/record.h"
#include "tools/report.h"
#include "tools/start.h"
#include "tools/timeline.h"
#include "tools/top.h"
#include "tools/uring.h"
#include "tools/why.h"
#include "view/format/printable.h"
#include "view/format/say.h"

namespace {

// CLI11 says of a wrong word only that there must be one.
std::string missing_subcommand(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining();
  std::string text = words.empty() ? "" : "there is no subcommand '" + words.front() + "'; ";
  text += "choose one of ";
  const char* separator = "";
  for (const CLI::App* subcommand : app.get_subcommands([](const CLI::App*) { return true; })) {
    text += separator + subcommand->get_name();
    separator = ", ";
  }
  return text;
}

// Bad usage quotes the arguments, which others may have chosen, as a file's name in a script.
std::string printable_usage(const CLI::App* app, const CLI::Error& error) {
  const bool missing = app->get_subcommands().empty() && error.get_name() == "RequiredError";
  std::string text;
  timeslice::view::append_printable(text, missing ? missing_subcommand(*app) : error.what());
  return CLI::FailureMessage::simple(
      app, CLI::Error(error.get_name(), text, static_cast<CLI::ExitCodes>(error.get_exit_code())));
}

// What was printed must have arrived, unless its reader has had enough.
int printed(int status) {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  if (errno == EPIPE) return status;
  const char* const why = errno ? std::strerror(errno) : "not all of it arrived";
  std::fprintf(stderr, "timeslice: cannot write to stdout: %s\n", why);
  return status ? status : 1;
}

}  // namespace

int main(int argc, char** argv) {
  timeslice::tools::settle_start();
  std::setlocale(LC_CTYPE, "");  // which of a name's characters can be shown, and how wide they are
  CLI::App app("What the operating system does with your threads.", "timeslice");
  app.require_subcommand(1);
  app.get_formatter()->column_width(28);
  app.failure_message(printable_usage);
  timeslice::tools::add_top(app);
  int status = 0;
  timeslice::tools::add_record(app, status);
  timeslice::tools::add_report(app);
  timeslice::tools::add_lanes(app);
  timeslice::tools::add_timeline(app);
  timeslice::tools::add_loop(app);
  timeslice::tools::add_uring(app);
  timeslice::tools::add_why(app);
  timeslice::tools::add_lab(app, status);
  timeslice::add_demo(app);
  timeslice::tools::add_check(app);
  try {
    app.parse(argc, argv);
    return printed(status);
  } catch (const CLI::ParseError& error) {
    return printed(app.exit(error) == 0 ? 0 : 2);
  } catch (const timeslice::BadUsage& error) {
    timeslice::view::say(error.what());
    return 2;
  } catch (const std::exception& error) {
    timeslice::view::say(error.what());
    return 1;
  }
}
