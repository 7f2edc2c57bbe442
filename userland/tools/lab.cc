// SPDX-License-Identifier: MIT
#include "tools/lab.h"

#include <pwd.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/bad_usage.h"
#include "base/failure.h"
#include "labs/digest.h"
#include "labs/grade.h"
#include "labs/notebook.h"
#include "labs/page_text.h"
#include "labs/run.h"
#include "tools/checks.h"
#include "tools/lab_run.h"
#include "tools/least_privilege.h"
#include "tools/output.h"
#include "view/format/wrapped.h"

namespace timeslice::tools {

namespace {

constexpr uint64_t kLargestSeed = 999'999'999;
constexpr size_t kLongestName = 64;  // bytes, of a learner

struct Options {
  LabOptions run;
  std::optional<int> number;
  std::optional<uint64_t> seed;
  std::vector<std::string> grade;
  bool hint = false, reset = false, source = false, workload = false, grades = false;
  std::string commitment;  // only seen in the recording
};

const labs::Lab& lab_of(int number) {
  std::string numbers;
  for (const labs::Lab& lab : labs::all_labs()) {
    if (lab.number == number) return lab;
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(lab.number);
  }
  throw BadUsage("there is no lab " + std::to_string(number) + "; choose one of " + numbers);
}

// Under sudo, of whoever called it.
std::string user_name() {
  const char* const caller = std::getenv("SUDO_USER");
  if (caller && *caller) return caller;
  const passwd* const user = getpwuid(getuid());
  return user ? user->pw_name : std::to_string(getuid());
}

void check_name(const std::string& name) {
  if (name.empty() || name.size() > kLongestName)
    throw BadUsage("a learner's name has 1 to 64 bytes");
}

// Each time one more of them.
void hint(const labs::Lab& lab, uint64_t seed) {
  labs::Notebook notebook(lab.slug);
  notebook.begin();
  labs::Attempts attempts = notebook.attempts();
  const labs::LabText text =
      filled_in(labs::parse_lab(lab.page), labs::parameters_of(lab, seed, labs::this_machine()));
  attempts.hints = std::min<uint64_t>(attempts.hints + 1, text.hints.size());
  std::string out;
  for (size_t i = 0; i < attempts.hints; ++i)
    view::append_wrapped(out, std::to_string(i + 1) + ". ", text.hints[i], lab_width());
  write_all(out);
  notebook.note(attempts);
}

void list_as_json() {
  nlohmann::ordered_json labs = nlohmann::ordered_json::array();
  for (const labs::Lab& lab : labs::all_labs()) {
    const labs::LabText text = labs::parse_lab(lab.page);
    const auto passed = labs::Notebook(lab.slug).was_passed();
    labs.push_back({{"number", lab.number},
                    {"slug", lab.slug},
                    {"title", text.title},
                    {"teaches", text.teaches},
                    {"needs", text.needs},
                    {"minutes", text.minutes},
                    {"passed", passed ? nlohmann::ordered_json(*passed) : nullptr}});
  }
  const nlohmann::ordered_json list = {{"schema", "timeslice/labs/1"}, {"labs", labs}};
  write_all(list.dump() + "\n");
}

void list() {
  std::string text;
  for (const labs::Lab& lab : labs::all_labs()) {
    const auto passed = labs::Notebook(lab.slug).was_passed();
    labs::append_entry(text, lab,
                       !passed   ? ""
                       : *passed ? "passed"
                                 : "not passed yet",
                       lab_width());
  }
  write_all(text);
}

// Not passed: some of them weren't, or don't count.
int grade(const Options& options) {
  keep_rights_for(Work::reading);
  const std::vector<std::string> own = {labs::Notebook::place()};
  const auto grades = labs::grades_of(options.grade.empty() ? own : options.grade, options.seed);
  write_all(options.run.json ? labs::grades_json(grades).dump() + "\n"
                             : labs::grades_table(grades, lab_width()));
  return std::all_of(grades.begin(), grades.end(),
                     [](const labs::Grade& grade) { return grade.refused.empty(); })
             ? 0
             : 1;
}

// What is said of one lab, without saying of which; and what can't be meant together.
void check_usage(const Options& options) {
  const LabOptions& run = options.run;
  const std::pair<bool, const char*> of_one_lab[] = {{run.solve, "--solve"},
                                                     {options.hint, "--hint"},
                                                     {options.reset, "--reset"},
                                                     {options.source, "--source"},
                                                     {!run.answers.empty(), "--answer"},
                                                     {!run.report.empty(), "--report"}};
  for (const auto& [given, option] : of_one_lab) {
    if (given && options.grades) throw BadUsage(std::string("--grade excludes ") + option);
    if (given && !options.number)
      throw BadUsage(std::string(option) + " needs the number of a lab");
  }
  if (options.number && options.grades) throw BadUsage("--grade takes results, not a lab's number");
  if (run.solve && !run.answers.empty()) throw BadUsage("--solve excludes --answer");
}

int do_lab(Options& options) {
  check_usage(options);
  std::setlocale(LC_ALL, "");
  if (options.grades) return grade(options);
  if (!options.number) {
    options.run.json ? list_as_json() : list();
    return 0;
  }
  const labs::Lab& lab = lab_of(*options.number);
  check_name(options.run.learner);
  options.run.seed = options.seed.value_or(labs::seed_of(options.run.learner));
  if (options.workload) return labs::be_workload(lab, options.run.seed);
  if (options.source) {
    write_all(lab.source);
    write_all(lab.script);
  } else if (options.reset) {
    labs::Notebook(lab.slug).forget();
  } else if (options.hint) {
    hint(lab, options.run.seed);
  } else {
    return run_lab(lab, options.run);
  }
  return 0;
}

}  // namespace

void add_lab(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("lab", "Labs: predict, measure, be told by the kernel");
  auto options = std::make_shared<Options>();
  options->run.learner = user_name();
  command->add_option("number", options->number, "Which lab; without one they are listed")
      ->type_name("N")
      ->check(whole_within(1, 999));
  command
      ->add_option("--answer", options->run.answers,
                   "Answers, in the order of the questions or as KEY=ANSWER; others are asked for")
      ->type_name("ANSWER…");
  command
      ->add_option("--learner", options->run.learner,
                   "Whose result it is; each name has a variant of its own")
      ->type_name("NAME")
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Another variant; without it, the learner's own")
      ->type_name("N")
      ->check(whole_within(1, kLargestSeed));
  auto* solve = command->add_flag("--solve", options->run.solve,
                                  "Run it, and show what was measured for each question");
  auto* hint = command->add_flag("--hint", options->hint, "Show a hint, and one more each time");
  auto* reset = command->add_flag("--reset", options->reset,
                                  "Forget what was answered, measured and hinted at");
  auto* source = command->add_flag("--source", options->source, "Print the workload's source");
  hint->excludes(solve, reset, source);
  reset->excludes(solve, source);
  source->excludes(solve);
  command
      ->add_option("--report", options->run.report,
                   "Also write a page with the answers, the pictures and the recording")
      ->type_name("FILE.html");
  auto* grade =
      command
          ->add_option_function<std::vector<std::string>>(
              "--grade",
              [options](const std::vector<std::string>& paths) {
                // Without one, there is an empty one.
                if (!paths.empty() && !paths.front().empty()) options->grade = paths;
              },
              "Check results, or all in directories, and show who passed what; default: your own")
          ->type_name("FILE…")
          ->expected(0, -1);
  command->add_flag("--json", options->run.json,
                    "Print as JSON; what isn't answered on the command line is blank");
  command->add_flag("--workload", options->workload)->group("");
  command->add_option("--commitment", options->commitment)->group("");
  command->callback([=, &status] {
    options->grades = grade->count() > 0;
    status = do_lab(*options);
  });
}

}  // namespace timeslice::tools
