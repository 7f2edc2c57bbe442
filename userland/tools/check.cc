// SPDX-License-Identifier: MIT
#include "tools/check.h"

#include <fmt/core.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "loop/core/loop.h"
#include "observe/modes.h"
#include "view/format/printable.h"

namespace timeslice::tools {

namespace {

using Json = nlohmann::ordered_json;

// Tried like the modes: by creating a loop.
observe::ModeReport examine_loop() {
  const loop::Loop loop;
  observe::ModeReport report{"io_uring", std::string(loop.backend_name()) == "uring",
                             "the kernel does the event loop's I/O; otherwise a thread pool does",
                             loop.backend_note(), ""};
  if (!report.allowed)
    report.fix = "set kernel.io_uring_disabled to 0, and allow io_uring_setup in the container";
  return report;
}

void print_text(const observe::ModeReport& report) {
  fmt::print("{:<10} {:<4} {}\n", report.name, report.allowed ? "yes" : "no", report.gives);
  if (report.allowed) return;
  fmt::print("{:15} why: {}\n", "", report.reason);
  fmt::print("{:15} fix: {}\n", "", report.fix);
}

Json or_null(const observe::ModeReport& report, const std::string& text) {
  return report.allowed ? Json() : Json(text);
}

void print_json(const std::vector<observe::ModeReport>& reports) {
  Json modes = Json::array();
  for (const observe::ModeReport& report : reports)
    modes.push_back({{"rung", report.name},
                     {"allowed", report.allowed},
                     {"gives", report.gives},
                     {"reason", or_null(report, report.reason)},
                     {"fix", or_null(report, report.fix)},
                     {"mend", or_null(report, report.fix)}});  // the key's earlier name
  const Json object = {{"schema", "timeslice/check/1"}, {"rungs", modes}};
  std::string text;
  view::append_visible_json(text, object.dump(-1, ' ', false, Json::error_handler_t::replace));
  fmt::print("{}\n", text);
}

}  // namespace

void add_check(CLI::App& app) {
  CLI::App* check = app.add_subcommand(
      "check", "What this machine supports, per mode, and how to enable the rest");
  auto as_json = std::make_shared<bool>(false);
  check->add_flag("--json", *as_json, "Print one JSON object");
  check->callback([as_json] {
    std::vector<observe::ModeReport> reports = observe::examine_machine();
    reports.push_back(examine_loop());
    if (*as_json) return print_json(reports);
    fmt::print("{:<10} {:<4} {}\n", "MODE", "HERE", "WHAT IT PROVIDES");
    for (const observe::ModeReport& report : reports) print_text(report);
  });
}

}  // namespace timeslice::tools
