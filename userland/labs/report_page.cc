// SPDX-License-Identifier: MIT
#include "labs/report_page.h"

#include <fmt/format.h>

#include "model/report.h"
#include "play/recording.h"
#include "timeline/page.h"
#include "view/report/report.h"

namespace timeslice::labs {

namespace {

// As text, and within a quoted attribute.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char byte : text) {
    switch (byte) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += byte;
    }
  }
  return out;
}

constexpr const char* kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --line: light-dark(#d0d7de, #3d444d); --right: light-dark(#1a7f37, #3fb950);
  --wrong: light-dark(#cf222e, #f85149); --dim: light-dark(#59636e, #9198a1); }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem;
  background: light-dark(#fff, #0d1117); color: light-dark(#1f2328, #e6edf3); }}
p, table {{ max-width: 46rem; }}
pre {{ font: 13px/1.25 ui-monospace, monospace; overflow-x: auto; }}
table {{ border-collapse: collapse; }}
th, td {{ border-bottom: 1px solid var(--line); padding: .4rem .8rem .4rem 0; text-align: left; vertical-align: top; }}
.right {{ color: var(--right); }} .wrong {{ color: var(--wrong); }} .dim {{ color: var(--dim); }}
iframe {{ width: 100%; height: 36rem; border: 1px solid var(--line); }}
</style>
</head>
<body>
)";

// What stands between two backquotes is code.
std::string with_code(std::string_view text) {
  std::string out;
  bool inside = false;
  for (const char byte : text) {
    if (byte != '`') {
      out += byte;
      continue;
    }
    inside = !inside;
    out += inside ? "<code>" : "</code>";
  }
  return inside ? out + "</code>" : out;
}

std::string html_of(std::string_view text) { return with_code(escaped(text)); }

// Paragraphs are apart by an empty line.
void append_section(std::string& out, const char* heading, const std::string& text) {
  if (text.empty()) return;
  out += fmt::format("<h2>{}</h2>\n<p>", heading);
  const std::string html = html_of(text);
  for (size_t at = 0; at < html.size();) {
    const size_t end = std::min(html.find("\n\n", at), html.size());
    out += html.substr(at, end - at);
    if (end != html.size()) out += "</p>\n<p>";
    at = end == html.size() ? end : html.find_first_not_of('\n', end);
  }
  out += "</p>\n";
}

void append_answer(std::string& out, const LabText& text, const Graded& graded) {
  const Question* const question = text.question(graded.key);
  const Choice* const choice = question ? question->choice(graded.answer) : nullptr;
  std::string answer = graded.answer.empty() ? "no answer" : graded.answer;
  if (choice && !choice->text.empty()) answer += ": " + choice->text;
  out +=
      fmt::format("<tr><td>{}</td><td><span class=\"{}\">{}</span> {}{}</td><td>{}</td></tr>\n",
                  html_of(question ? question->text : graded.key), graded.right ? "right" : "wrong",
                  graded.right ? "✓" : "✗", html_of(answer),
                  graded.right ? "" : "<br><span class=\"dim\">" + html_of(graded.why) + "</span>",
                  html_of(graded.evidence));
}

void append_verdict(std::string& out, const LabText& text, const Verdict& verdict) {
  if (!verdict.none.empty()) {
    out += "<p>No verdict: " + escaped(verdict.none) + ".</p>\n";
    return;
  }
  out += "<h2>Answers</h2>\n<table>\n<tr><th>Question</th><th>Answer</th><th>Measured</th></tr>\n";
  for (const Graded& graded : verdict.answers) append_answer(out, text, graded);
  out += "</table>\n";
}

std::string timeline_of(const Run& run) {
  timeline::TimelinePage page;
  play::RecordingOptions options;
  options.path = run.recording;
  const play::Recording recording =
      play::read_recording(options, [&](model::History& history) { history.listen(page); });
  const model::Report report =
      model::make_report(*recording.history, recording.trust, model::By::thread, false);
  std::string html;
  page.write(html, recording.history->info(), recording.history->threads(),
             recording.history->cores(), view::recording_trust_line(report.trust), false,
             recording.loops, recording.rings);
  return html;
}

}  // namespace

std::string report_page(const LabText& text, const Result& result, const Run& run,
                        const std::string& picture) {
  const std::string title = fmt::format("Lab {}: {}", result.lab, text.title);
  std::string out = fmt::format(fmt::runtime(kHead), fmt::arg("title", escaped(title)));
  out += fmt::format("<h1>{}</h1>\n<p class=\"dim\">{}, seed {}</p>\n", escaped(title),
                     escaped(result.learner), result.seed);
  append_section(out, "The idea", text.section("the idea"));
  append_section(out, "The question", text.section("the question"));
  out += "<h2>What was seen</h2>\n<pre>" + escaped(picture) + "</pre>\n";
  append_verdict(out, text, result.verdict);
  append_section(out, "Why", text.section("why"));
  out += "<h2>The recording</h2>\n<iframe title=\"Timeline of the recording\" srcdoc=\"" +
         escaped(timeline_of(run)) + "\"></iframe>\n";
  append_section(out, "Try next", text.section("try next"));
  return out + "</body>\n</html>\n";
}

}  // namespace timeslice::labs
