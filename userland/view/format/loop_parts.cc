// SPDX-License-Identifier: MIT
#include "view/format/loop_parts.h"

#include <cmath>

#include "view/format/description.h"
#include "view/format/printable.h"

namespace timeslice::view {

namespace {

OrderedJson place_or_null(int place) { return place > 0 ? OrderedJson(place) : OrderedJson(); }

}  // namespace

double whole_us_in_ms(uint64_t ns) { return std::floor(static_cast<double>(ns) / 1e3) / 1e3; }

OrderedJson text_or_null(const std::string& text) {
  return text.empty() ? OrderedJson() : OrderedJson(text);
}

OrderedJson frame_json(const model::StackFrame& frame) {
  return {{"function", text_or_null(frame.function)},
          {"file", text_or_null(frame.file)},
          {"line", place_or_null(frame.line)},
          {"column", place_or_null(frame.column)},
          {"exact", frame.exact},
          {"evaluated", frame.evaluated}};
}

void add_description(OrderedJson& to, const model::ProcessDescription& process) {
  const char* const cluster = word_of(process.cluster);
  to["name"] = text_or_null(process.name);
  to["cluster"] = cluster ? OrderedJson(cluster) : OrderedJson();
  to["ports"] = process.ports;
  to["uptime_s"] =
      process.uptime_ns ? OrderedJson(*process.uptime_ns / 1'000'000'000) : OrderedJson();
}

OrderedJson refused_json(const std::vector<model::RefusedProcess>& processes) {
  OrderedJson refused = OrderedJson::array();
  for (const model::RefusedProcess& process : processes)
    refused.push_back({{"tgid", process.tgid}, {"why", process.why}});
  return refused;
}

OrderedJson queued_json(const std::vector<model::QueuedJobs>& jobs) {
  OrderedJson queued = OrderedJson::array();
  for (const model::QueuedJobs& job : jobs)
    queued.push_back({{"kind", job.kind}, {"what", text_or_null(job.what)}, {"count", job.count}});
  return queued;
}

void append_line(std::string& out, const OrderedJson& object) {
  append_visible_json(out, object.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
  out += '\n';
}

}  // namespace timeslice::view
