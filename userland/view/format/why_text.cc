// SPDX-License-Identifier: MIT
#include "view/format/why_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "view/format/description.h"
#include "view/format/number.h"
#include "view/format/printable.h"
#include "view/format/why_sentences.h"
#include "view/format/wrapped.h"

namespace timeslice::view {

namespace {

constexpr size_t kWidth = 80;         // character cells
constexpr size_t kMostCommand = 400;  // bytes

void append_cause(std::string& out, size_t number, const model::Cause& cause, uint64_t watched_ns) {
  const std::string first = fmt::format("{:>3}. ", number);
  const std::string indent(first.size(), ' ');
  out += first + title_of(cause.finding);
  if (!std::holds_alternative<model::Idle>(cause.finding))
    out += fmt::format(": {:.1f} % of the time, {}", cause.share * 100,
                       confidence_word(cause.confidence));
  out += '\n';
  append_wrapped(out, indent, sentence_of(cause, watched_ns), kWidth);
  const std::string advice = advice_of(cause.finding);
  if (!advice.empty()) append_wrapped(out, indent + "-> ", advice, kWidth);
}

// A cluster's workers mostly suffer alike.
bool is_alike(const ToldProcess& one, const ToldProcess& other) {
  return one.process.command == other.process.command &&
         std::equal(one.causes.begin(), one.causes.end(), other.causes.begin(), other.causes.end(),
                    [](const model::Cause& a, const model::Cause& b) {
                      return a.finding.index() == b.finding.index();
                    });
}

double cost(const ToldProcess& told) { return told.causes.empty() ? 0 : told.causes[0].share; }

// Those that are alike are told by the one that it costs most.
struct Group {
  const ToldProcess* told;
  std::vector<uint32_t> others;
};

std::vector<Group> grouped_alike(const std::vector<ToldProcess>& processes) {
  std::vector<Group> groups;
  for (const ToldProcess& told : processes) {
    const auto alike = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
      return is_alike(*group.told, told);
    });
    if (alike == groups.end()) {
      groups.push_back({&told, {}});
      continue;
    }
    alike->others.push_back(told.process.tgid);
    if (cost(told) > cost(*alike->told)) {
      alike->others.back() = alike->told->process.tgid;
      alike->told = &told;
    }
  }
  return groups;
}

void append_others(std::string& out, const std::vector<uint32_t>& others) {
  if (others.empty()) return;
  std::string text = "The same holds for process";
  text += others.size() == 1 ? "" : "es";
  for (size_t i = 0; i < others.size(); ++i)
    text += (i == 0 ? " " : i + 1 == others.size() ? " and " : ", ") + std::to_string(others[i]);
  append_wrapped(out, "     ", text + ".", kWidth);
}

}  // namespace

void append_text(std::string& out, const std::vector<ToldProcess>& processes) {
  for (const Group& group : grouped_alike(processes)) {
    const ToldProcess& told = *group.told;
    std::string name;
    if (told.process.description.name.empty())
      append_printable(name, std::string_view(told.process.command).substr(0, kMostCommand));
    else
      append_description(name, told.process.description);
    name += ", watched for " + duration(static_cast<double>(told.process.watched_ns));
    append_wrapped(out, std::to_string(told.process.tgid) + " ", name, kWidth);
    size_t number = 0;
    for (const model::Cause& cause : told.causes)
      append_cause(out, ++number, cause, told.process.watched_ns);
    append_others(out, group.others);
    out += '\n';
  }
}

}  // namespace timeslice::view
