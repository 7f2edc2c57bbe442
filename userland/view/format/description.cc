// SPDX-License-Identifier: MIT
#include "view/format/description.h"

#include <algorithm>
#include <string_view>

#include "view/format/number.h"
#include "view/format/printable.h"

namespace timeslice::view {

namespace {

constexpr size_t kMostName = 72;  // bytes
constexpr size_t kMostPorts = 3;

void append_ports(std::string& out, const std::vector<uint16_t>& ports) {
  for (size_t i = 0; i < std::min(ports.size(), kMostPorts); ++i)
    out += (i == 0 ? ":" : ", :") + std::to_string(ports[i]);
  if (ports.size() > kMostPorts) out += ", ...";
}

}  // namespace

const model::ProcessDescription* description_of(
    const std::vector<model::ProcessDescription>& processes, uint32_t tgid) {
  const auto is_it = [&](const model::ProcessDescription& process) { return process.tgid == tgid; };
  const auto at = std::find_if(processes.begin(), processes.end(), is_it);
  return at == processes.end() ? nullptr : &*at;
}

const char* word_of(model::ClusterRole role) {
  switch (role) {
    case model::ClusterRole::none:
      return nullptr;
    case model::ClusterRole::primary:
      return "primary";
    case model::ClusterRole::worker:
      return "worker";
  }
  return nullptr;
}

void append_description(std::string& out, const model::ProcessDescription& process) {
  constexpr std::string_view kDot = "·";
  Scratch scratch;
  const std::string_view separator = printable(kDot, scratch) == kDot ? " · " : ", ";
  append_printable(out, std::string_view(process.name).substr(0, kMostName));
  if (const char* role = word_of(process.cluster)) (out += separator).append("cluster ") += role;
  if (!process.ports.empty()) append_ports(out += separator, process.ports);
  if (process.uptime_ns)
    (out += separator) += "up " + duration(static_cast<double>(*process.uptime_ns));
}

}  // namespace timeslice::view
