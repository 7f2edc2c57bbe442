// SPDX-License-Identifier: MIT
#include "tools/lab_run.h"

#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <iostream>
#include <optional>

#include "base/failure.h"
#include "base/private_file.h"
#include "labs/file_contents.h"
#include "labs/lanes_picture.h"
#include "labs/live_picture.h"
#include "labs/page_text.h"
#include "labs/parts/verdict.h"
#include "labs/plain_ascii.h"
#include "labs/report_page.h"
#include "labs/result.h"
#include "labs/run.h"
#include "observe/stream.h"
#include "tools/least_privilege.h"
#include "tools/output.h"
#include "tools/terminal.h"
#include "view/format/say.h"

namespace timeslice::tools {

namespace {

constexpr int kNotPassed = 1, kNoVerdict = 3;
constexpr uint32_t kThreads = 8;  // lanes

void check_needs(const labs::LabText& text, const labs::Machine& machine) {
  for (const std::string& need : text.needs) {
    if (need.rfind("cpus ", 0) == 0 && machine.cpus.size() < std::stoul(need.substr(5)))
      throw Failure("this lab needs " + need.substr(5) + " CPUs, and we may use " +
                    std::to_string(machine.cpus.size()));
    if (need == "node" && machine.node.empty())
      throw Failure("this lab needs Node, and there is no node in PATH");
    if (need == "root" && geteuid() != 0) throw Failure("this lab needs to be run by root");
  }
}

void tell(const std::string& text) { write_all(locale_is_utf8() ? text : labs::plain_ascii(text)); }

// Before somebody has thought about questions: are we allowed to record? Throws Failure.
void try_to_record() { const observe::Stream stream({}); }

class Session {
 public:
  Session(const labs::Lab& lab, const LabOptions& options)
      : lab_(lab), options_(options), notebook_(lab.slug) {
    result_.lab = lab.number;
    result_.slug = lab.slug;
    result_.learner = options.learner;
    result_.seed = options.seed;
    result_.machine = labs::this_machine();
    result_.parameters = labs::parameters_of(lab, options.seed, result_.machine);
    text_ = filled_in(labs::parse_lab(lab.page), result_.parameters);
    shuffle_explanations(text_, options.seed);
    result_.title = text_.title;
    check_needs(text_, result_.machine);
    result_.answers = labs::parse_answers(text_, options.answers);
    talks_ = !options.json;
    asks_ = talks_ && !options.solve;
  }

  int go() {
    notebook_.begin();
    result_.before = notebook_.attempts();
    if (asks_) try_to_record();
    show_page();
    if (asks_) ask(labs::Stage::prediction);
    run();
    if (talks_) show_picture();
    if (asks_ && result_.measured.no_verdict.empty()) ask(labs::Stage::explanation);
    if (options_.solve) result_.answers = labs::solution(text_, result_.measured);
    result_.verdict = labs::judge(text_, result_.measured, result_.answers);
    keep();
    show_verdict();
    if (!options_.report.empty()) write_report();
    if (!result_.verdict.none.empty()) return kNoVerdict;
    return result_.verdict.passed() ? 0 : kNotPassed;
  }

 private:
  void show_page() const {
    if (!talks_) return;
    std::string page;
    labs::append_page(page, lab_, text_, lab_width());
    tell(page);
  }

  // What is answered on the command line isn't asked.
  void ask(labs::Stage stage) {
    for (const labs::Question& question : text_.questions) {
      if (question.stage != stage || result_.answers.contains(question.key)) continue;
      std::string page;
      labs::append_question(page, question, lab_width());
      tell(page);
      result_.answers[question.key] = answer_to(question);
    }
  }

  static std::string answer_to(const labs::Question& question) {
    for (std::string line;;) {
      tell("> ");
      if (!std::getline(std::cin, line)) throw Failure("there is no answer to " + question.key);
      if (question.choice(line)) return line;
      tell(question.is_number ? "Type a number, " + labs::range_of(question) + ".\n"
                              : "Type one of the words on the left.\n");
    }
  }

  void run() {
    if (talks_) tell("\nRunning the workload, and recording the kernel's switches …\n");
    std::optional<labs::LivePicture> live;
    if (talks_ && isatty(STDOUT_FILENO) == 1) live.emplace(lab_width());
    keep_rights_for(Work::starting_a_command);
    labs::RunOptions options;
    options.seed = result_.seed;
    options.directory = notebook_.directory();
    if (!options_.solve)
      options.commitment =
          labs::commitment(text_, lab_.number, result_.seed, result_.learner, result_.answers);
    run_ = labs::run_workload(lab_, options);
    live.reset();
    result_.measured = labs::measure(lab_, run_, result_.parameters).measured;
  }

  [[nodiscard]] std::string picture(const view::LaneOptions& lanes) const {
    std::string picture;
    for (const std::string& round : lab_.rounds)
      picture += "\n" + round + "\n" + labs::lanes_of(run_, round, lanes);
    if (lab_.rounds.empty()) picture += "\n" + labs::lanes_of(run_, "", lanes);
    if (lab_.picture) picture += "\n" + lab_.picture(result_.measured);
    return picture;
  }

  [[nodiscard]] view::LaneOptions lane_options(bool coloured) const {
    view::LaneOptions lanes;
    lanes.width = static_cast<uint32_t>(lab_width());
    lanes.threads = kThreads;
    lanes.heading = false;
    lanes.ascii = !locale_is_utf8();
    if (coloured)
      lanes.colour = lab_.by_reason ? view::LaneColour::reason : view::LaneColour::thread;
    return lanes;
  }

  void show_picture() const {
    std::string text = picture(lane_options(terminal_has_colour()));
    labs::append_section(text, "Look at", text_.section("look at"), lab_width());
    tell(text);
  }

  void keep() {
    labs::Attempts attempts = result_.before;
    attempts.runs += !options_.solve && result_.verdict.none.empty();
    attempts.solved |= options_.solve;
    notebook_.note(attempts);
    if (options_.solve || !result_.verdict.none.empty()) return;
    const auto file = labs::result_file(result_, labs::contents_of(run_.recording), run_.output);
    notebook_.keep_result(result_.seed, file.dump(2), result_.verdict.passed());
  }

  void show_verdict() const {
    std::string told;
    if (options_.json)
      told = labs::result_json(result_).dump() + "\n";
    else
      labs::append_verdict(told, text_, result_.verdict, lab_width());
    tell(told);
  }

  void write_report() const {
    write_private(options_.report,
                  labs::report_page(text_, result_, run_, picture(lane_options(false))),
                  Earlier::keep_as_old);
    view::say(options_.report + ": the lab's page, with its recording");
  }

  const labs::Lab& lab_;
  const LabOptions& options_;
  labs::Notebook notebook_;
  labs::LabText text_;
  labs::Result result_;
  labs::Run run_;
  bool talks_ = true, asks_ = true;
};

}  // namespace

int run_lab(const labs::Lab& lab, const LabOptions& options) { return Session(lab, options).go(); }

size_t lab_width() {
  const uint32_t columns = terminal_columns();
  return columns == 0 ? 80 : std::clamp<size_t>(columns, 40, 80);
}

}  // namespace timeslice::tools
