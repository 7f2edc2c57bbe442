// SPDX-License-Identifier: MIT
#include "tools/lab.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>

#include "base/bad_usage.h"
#include "labs/lanes_picture.h"
#include "labs/page_text.h"
#include "labs/parts/verdict.h"
#include "labs/result.h"
#include "labs/run.h"
#include "tools/least_privilege.h"
#include "tools/output.h"
#include "view/format/say.h"
#include "view/format/wrapped.h"

namespace timeslice::tools {

namespace {

constexpr size_t kWidth = 80;
constexpr int kNotPassed = 1, kNoVerdict = 3;

struct Options {
  std::optional<int> number;
  std::vector<std::string> answers;
  uint64_t seed = 1;
  bool solve = false, hint = false, reset = false, json = false, workload = false;
};

const labs::Lab& lab_of(int number) {
  std::string numbers;
  for (const labs::Lab& lab : labs::all_labs()) {
    if (lab.number == number) return lab;
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(lab.number);
  }
  throw BadUsage("there is no lab " + std::to_string(number) + "; choose one of " + numbers);
}

// Where a lab's last run is kept.
std::string directory_of(const labs::Lab& lab) {
  const char* const state = std::getenv("XDG_STATE_HOME");
  const char* const home = std::getenv("HOME");
  const std::string base =
      state && *state ? state : std::string(home ? home : "") + "/.local/state";
  const std::string directory = base + "/timeslice/labs/" + lab.slug;
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw Failure("cannot make " + directory + ": " + error.message());
  return directory;
}

void missing_of(const labs::LabText& text, const labs::Machine& machine) {
  for (const std::string& need : text.needs) {
    if (need.rfind("cpus ", 0) == 0 && machine.cpus.size() < std::stoul(need.substr(5)))
      throw Failure("this lab needs " + need.substr(5) + " CPUs, and there is one");
    if (need == "node" && machine.node.empty())
      throw Failure("this lab needs Node, and there is no node in PATH");
  }
}

// What is answered on the command line isn't asked.
void ask(const labs::LabText& text, labs::Stage stage, labs::Answers& answers) {
  for (const labs::Question& question : text.questions) {
    if (question.stage != stage || answers.contains(question.key)) continue;
    std::string page;
    labs::append_question(page, question, kWidth);
    write_all(page);
    for (std::string line; !answers.contains(question.key);) {
      write_all("> ");
      if (!std::getline(std::cin, line)) throw Failure("there is no answer to " + question.key);
      if (question.choice(line))
        answers[question.key] = line;
      else
        write_all(question.is_number ? "a number, please\n"
                                     : "one of the words on the left, please\n");
    }
  }
}

void show(const labs::Lab& lab, const labs::LabText& text, const labs::Run& run,
          const labs::Measured& measured) {
  view::LaneOptions lanes;
  lanes.width = kWidth;
  lanes.threads = 8;
  std::string picture;
  for (const std::string& round : lab.rounds)
    picture += "\n" + round + "\n" + labs::lanes_of(run, round, lanes);
  if (lab.rounds.empty()) picture += "\n" + labs::lanes_of(run, "", lanes);
  if (lab.picture) picture += lab.picture(measured);
  labs::append_section(picture, "Look at", text.section("look at"), kWidth);
  write_all(picture);
}

// Each time one more of them.
void hint(const labs::LabText& text, const std::string& directory) {
  const size_t shown = std::min(labs::hints_shown(directory) + 1, text.hints.size());
  std::string out;
  for (size_t i = 0; i < shown; ++i)
    view::append_wrapped(out, std::to_string(i + 1) + ". ", text.hints[i], kWidth);
  write_all(out);
  labs::note_hint(directory, shown);
}

int do_lab(const Options& options) {
  const labs::Lab& lab = lab_of(*options.number);
  if (options.workload) return labs::be_workload(lab, options.seed);
  const std::string directory = directory_of(lab);
  if (options.reset) {
    std::filesystem::remove_all(directory);
    return 0;
  }
  const labs::Machine machine = labs::this_machine();
  const labs::Parameters parameters = labs::parameters_of(lab, options.seed, machine);
  const labs::LabText text = filled_in(labs::parse_lab(lab.page), parameters);
  if (options.hint) {
    hint(text, directory);
    return 0;
  }
  missing_of(text, machine);
  labs::Answers answers = labs::parse_answers(text, options.answers);
  std::string page;
  labs::append_page(page, lab, text, kWidth);
  if (!options.json) write_all(page);
  if (!options.solve && !options.json) ask(text, labs::Stage::prediction, answers);
  keep_rights_for(Work::starting_a_command);
  const labs::Run run = labs::run_workload(lab, options.seed, directory);
  const labs::Measured measured = labs::measure(lab, run, parameters);
  if (!options.json) show(lab, text, run, measured);
  if (options.solve) answers = labs::solution(text, measured);
  if (!options.solve && !options.json && measured.no_verdict.empty())
    ask(text, labs::Stage::explanation, answers);
  const labs::Verdict verdict = labs::judge(text, measured, answers);
  const auto result =
      labs::result_json(lab, text, {lab.number, options.seed, parameters, measured, verdict});
  if (!options.solve) labs::keep_result(directory, result);
  std::string told;
  if (options.json)
    told = result.dump() + "\n";
  else
    labs::append_verdict(told, text, verdict, kWidth);
  write_all(told);
  if (!verdict.none.empty()) return kNoVerdict;
  return verdict.passed() ? 0 : kNotPassed;
}

void list() {
  std::string text;
  for (const labs::Lab& lab : labs::all_labs()) {
    const auto passed = labs::was_passed(directory_of(lab));
    labs::append_entry(text, lab, !passed ? "" : *passed ? "passed" : "not passed yet", kWidth);
  }
  write_all(text);
}

}  // namespace

void add_lab(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("lab", "Labs: predict, measure, be told by the kernel");
  auto options = std::make_shared<Options>();
  command->add_option("number", options->number, "Which lab; without one they are listed")
      ->type_name("N");
  command
      ->add_option("--answer", options->answers,
                   "Answers, in the order of the questions or as KEY=ANSWER; others are asked for")
      ->type_name("ANSWER…");
  command->add_option("--seed", options->seed, "Another seed makes another variant")
      ->capture_default_str();
  command->add_flag("--solve", options->solve,
                    "Run it, and show what was measured for each question");
  command->add_flag("--hint", options->hint, "Show a hint, and one more each time");
  command->add_flag("--reset", options->reset, "Forget what was answered, measured and hinted at");
  command->add_flag("--json", options->json,
                    "Print the result as JSON; what isn't answered on the command line is blank");
  command->add_flag("--workload", options->workload)->group("");
  command->callback([=, &status] {
    if (!options->number) return list();
    status = do_lab(*options);
  });
}

}  // namespace timeslice::tools
