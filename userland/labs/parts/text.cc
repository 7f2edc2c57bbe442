// SPDX-License-Identifier: MIT
#include "labs/parts/text.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/failure.h"
#include "labs/parts/random.h"

namespace timeslice::labs {

namespace {

struct Range {
  double low, high;
};

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<std::string_view> after(std::string_view line, std::string_view beginning) {
  if (line.substr(0, beginning.size()) != beginning) return std::nullopt;
  return trimmed(line.substr(beginning.size()));
}

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return small;
}

std::optional<Range> range_in(const std::string& id) {
  const size_t dots = id.find("..");
  if (dots == std::string::npos) return std::nullopt;
  const auto low = number_in(id.substr(0, dots)), high = number_in(id.substr(dots + 2));
  if (!low || !high || *low > *high) return std::nullopt;
  return Range{*low, *high};
}

void append_line(std::string& text, std::string_view line) {
  if (text.empty() && line.empty()) return;
  if (!text.empty()) text += '\n';
  text += line;
}

void drop_blank_end(std::string& text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
}

class Parser {
 public:
  LabText parse(std::string_view markdown) {
    while (!markdown.empty()) {
      const size_t end = markdown.find('\n');
      ++number_;
      line(markdown.substr(0, end));
      markdown.remove_prefix(end == std::string_view::npos ? markdown.size() : end + 1);
    }
    finish();
    return std::move(lab_);
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Failure("line " + std::to_string(number_) + " of the lab: " + why);
  }

  void line(std::string_view text) {
    if (const auto key = after(text, "### ")) return begin_question(std::string(*key));
    if (const auto heading = after(text, "## ")) return begin_section(in_small_letters(*heading));
    if (const auto title = after(text, "# ")) {
      if (!lab_.title.empty()) refuse("it has a second title");
      lab_.title = *title;
    } else if (section_.empty()) {
      head(text);
    } else if (asks()) {
      in_question(text);
    } else if (section_ == "hints") {
      hint(text);
    } else {
      append_line(lab_.sections[section_], text);
    }
  }

  [[nodiscard]] bool asks() const { return section_ == "predict" || section_ == "explain"; }

  void head(std::string_view text) {
    if (const auto teaches = after(text, "teaches:")) {
      lab_.teaches = *teaches;
    } else if (const auto minutes = after(text, "minutes:")) {
      const auto number = number_in(std::string(*minutes));
      if (!number || *number < 1 || *number > 60) refuse("minutes are a number from 1 to 60");
      lab_.minutes = static_cast<uint32_t>(*number);
    } else if (auto needs = after(text, "needs:")) {
      while (!needs->empty()) {
        const size_t comma = std::min(needs->find(','), needs->size());
        lab_.needs.emplace_back(trimmed(needs->substr(0, comma)));
        needs->remove_prefix(std::min(comma + 1, needs->size()));
      }
    } else if (!trimmed(text).empty()) {
      refuse("before the first section there are teaches, minutes and needs only");
    }
  }

  void begin_section(std::string heading) {
    section_ = std::move(heading);
    in_choice_ = false;
    if (!asks() && section_ != "hints" && !lab_.sections.try_emplace(section_).second)
      refuse("this section is there already");
  }

  void begin_question(std::string key) {
    if (!asks()) refuse("a question belongs to Predict or Explain");
    if (lab_.question(key)) refuse("there is a question " + key + " already");
    Question& question = lab_.questions.emplace_back();
    question.key = std::move(key);
    question.stage = section_ == "predict" ? Stage::prediction : Stage::explanation;
    in_choice_ = false;
  }

  void in_question(std::string_view text) {
    if (trimmed(text).empty()) return;
    if (lab_.questions.empty()) refuse("a question begins with ### and its key");
    Question& question = lab_.questions.back();
    if (const auto choice = after(text, "- `")) {
      const size_t end = choice->find('`');
      if (end == std::string_view::npos || end == 0)
        refuse("a choice's word stands between ` and `");
      question.choices.push_back(
          {std::string(choice->substr(0, end)), std::string(trimmed(choice->substr(end + 1))), ""});
      in_choice_ = true;
    } else if (const auto idea = after(trimmed(text), "> "); idea && in_choice_) {
      std::string& misconception = question.choices.back().misconception;
      misconception += (misconception.empty() ? "" : " ") + std::string(*idea);
    } else if (in_choice_) {
      Choice& last = question.choices.back();
      std::string& text_of = last.misconception.empty() ? last.text : last.misconception;
      text_of += ' ' + std::string(trimmed(text));
    } else {
      append_line(question.text, trimmed(text));
    }
  }

  void hint(std::string_view text) {
    const std::string next = std::to_string(lab_.hints.size() + 1) + ". ";
    if (const auto first = after(text, next))
      lab_.hints.emplace_back(*first);
    else if (!trimmed(text).empty() && lab_.hints.empty())
      refuse("hints are numbered from 1 on");
    else if (!trimmed(text).empty())
      lab_.hints.back() += ' ' + std::string(trimmed(text));
  }

  void finish() {
    for (auto& [heading, text] : lab_.sections) drop_blank_end(text);
    if (lab_.title.empty()) refuse("it has no title");
    if (lab_.questions.empty()) refuse("it asks nothing");
    for (Question& question : lab_.questions) {
      const auto ranges = std::count_if(question.choices.begin(), question.choices.end(),
                                        [](const Choice& c) { return range_in(c.id); });
      question.is_number = ranges > 0;
      if (question.choices.size() < (question.is_number ? 1 : 2) ||
          (question.is_number && ranges != static_cast<ptrdiff_t>(question.choices.size())))
        refuse(question.key + " needs two choices, or ranges only");
    }
    std::stable_sort(lab_.questions.begin(), lab_.questions.end(),
                     [](const Question& one, const Question& other) {
                       return one.stage == Stage::prediction && other.stage == Stage::explanation;
                     });
  }

  LabText lab_;
  std::string section_;
  size_t number_ = 0;
  bool in_choice_ = false;
};

}  // namespace

const Choice* Question::choice(const std::string& answer) const {
  if (!is_number) {
    const auto named = std::find_if(choices.begin(), choices.end(),
                                    [&](const Choice& choice) { return choice.id == answer; });
    return named == choices.end() ? nullptr : &*named;
  }
  const auto number = number_in(answer);
  if (!number) return nullptr;
  const auto around = std::find_if(choices.rbegin(), choices.rend(), [&](const Choice& choice) {
    const auto range = range_in(choice.id);
    return range && *number >= range->low && *number <= range->high;
  });
  return around == choices.rend() ? nullptr : &*around;
}

const std::string& LabText::section(const std::string& heading) const {
  static const std::string kNone;
  const auto found = sections.find(heading);
  return found == sections.end() ? kNone : found->second;
}

const Question* LabText::question(const std::string& key) const {
  const auto found = std::find_if(questions.begin(), questions.end(),
                                  [&](const Question& question) { return question.key == key; });
  return found == questions.end() ? nullptr : &*found;
}

LabText parse_lab(std::string_view markdown) { return Parser().parse(markdown); }

std::string filled_in(std::string_view text, const Parameters& parameters) {
  std::string filled;
  while (!text.empty()) {
    const size_t open = text.find('{');
    filled += text.substr(0, open);
    if (open == std::string_view::npos) break;
    const size_t close = text.find('}', open);
    if (close == std::string_view::npos) throw Failure("a lab's text has a { without a }");
    const std::string name(text.substr(open + 1, close - open - 1));
    const auto value = parameters.find(name);
    if (value == parameters.end())
      throw Failure("a lab's text names {" + name + "}, which it has not");
    filled += std::to_string(value->second);
    text.remove_prefix(close + 1);
  }
  return filled;
}

LabText filled_in(LabText lab, const Parameters& parameters) {
  const auto fill = [&](std::string& text) { text = filled_in(text, parameters); };
  for (auto& [heading, text] : lab.sections) fill(text);
  for (std::string& hint : lab.hints) fill(hint);
  for (Question& question : lab.questions) {
    fill(question.text);
    for (Choice& choice : question.choices) {
      fill(choice.id);
      fill(choice.text);
      fill(choice.misconception);
    }
  }
  return lab;
}

void shuffle_explanations(LabText& lab, uint64_t seed) {
  Random random(seed);
  for (Question& question : lab.questions)
    if (question.stage == Stage::explanation)
      for (size_t left = question.choices.size(); left > 1; --left)
        std::swap(question.choices[left - 1], question.choices[random.below(left)]);
}

std::optional<double> number_in(const std::string& text) {
  std::string_view rest = trimmed(text);
  double number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc() || !std::isfinite(number)) return std::nullopt;
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  rest = trimmed(rest);
  if (!rest.empty() && rest != "%") return std::nullopt;
  return number;
}

}  // namespace timeslice::labs
