// SPDX-License-Identifier: MIT
#include "labs/page_text.h"

#include <fmt/format.h>

#include "view/format/wrapped.h"

namespace timeslice::labs {

namespace {

// Paragraphs are broken at the width of the terminal, not where the file breaks them.
void append_paragraphs(std::string& out, std::string_view text, size_t width) {
  std::string paragraph;
  const auto end_paragraph = [&] {
    if (!paragraph.empty()) view::append_wrapped(out, "", paragraph, width);
    paragraph.clear();
  };
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) {
      end_paragraph();
      out += '\n';
    } else {
      paragraph += paragraph.empty() ? "" : " ";
      paragraph += line;
    }
  }
  end_paragraph();
}

}  // namespace

void append_section(std::string& out, const char* heading, const std::string& text, size_t width) {
  if (text.empty()) return;
  out += fmt::format("\n{}\n", heading);
  append_paragraphs(out, text, width);
}

void append_entry(std::string& out, const Lab& lab, const std::string& state, size_t width) {
  const LabText text = parse_lab(lab.page);
  out += fmt::format("{:>3}  {} ({} min; {}){}\n", lab.number, text.title, text.minutes,
                     fmt::join(text.needs, ", "), state.empty() ? "" : " - " + state);
  view::append_wrapped(out, "     ", text.teaches, width);
}

void append_page(std::string& out, const Lab& lab, const LabText& text, size_t width) {
  out += fmt::format("Lab {}: {}\n", lab.number, text.title);
  append_section(out, "The idea", text.section("the idea"), width);
  append_section(out, "The question", text.section("the question"), width);
}

std::string range_of(const Question& question) {
  const auto& choices = question.choices;
  const std::string &first = choices.front().id, &last = choices.back().id;
  return "from " + first.substr(0, first.find("..")) + " to " + last.substr(last.find("..") + 2);
}

void append_question(std::string& out, const Question& question, size_t width) {
  out += '\n';
  append_paragraphs(out, question.text, width);
  if (question.is_number) return;
  for (const Choice& choice : question.choices)
    view::append_wrapped(out, fmt::format("  {:<10} ", choice.id),
                         choice.text.empty() ? choice.id : choice.text, width);
}

void append_verdict(std::string& out, const LabText& text, const Verdict& verdict, size_t width) {
  if (!verdict.none.empty()) {
    view::append_wrapped(out, "", "No verdict: " + verdict.none + ".", width);
    return;
  }
  for (const Graded& graded : verdict.answers) {
    const char* const mark = graded.right ? "right" : "wrong";
    out += fmt::format("\n{}: {} {}\n", graded.key, graded.answer.empty() ? "-" : graded.answer,
                       graded.answer.empty() ? "" : mark);
    if (!graded.right) view::append_wrapped(out, "  ", graded.why, width);
    view::append_wrapped(out, "  ", "Measured: " + graded.evidence, width);
  }
  append_section(out, "Why", text.section("why"), width);
  append_section(out, "Security", text.section("security"), width);
  append_section(out, "Try next", text.section("try next"), width);
  const auto stage = [&](const char* name, Stage of) {
    out += fmt::format("{}: {}\n", name, verdict.passed(of) ? "passed" : "not passed");
  };
  out += '\n';
  stage("Prediction", Stage::prediction);
  stage("Explanation", Stage::explanation);
}

}  // namespace timeslice::labs
