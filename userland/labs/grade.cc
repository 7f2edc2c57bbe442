// SPDX-License-Identifier: MIT
#include "labs/grade.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "labs/digest.h"
#include "labs/file_contents.h"
#include "labs/result.h"
#include "labs/run.h"

namespace timeslice::labs {

namespace {

using Json = nlohmann::ordered_json;

constexpr uintmax_t kLargest = uintmax_t{64} << 20;  // bytes, of a result

// Why a result doesn't count.
struct Refused : Failure {
  using Failure::Failure;
};

// A file that has a name as long as this lives.
class Unnamed {
 public:
  explicit Unnamed(const std::string& bytes) : fd_(memfd_create("recording", MFD_CLOEXEC)) {
    if (!fd_ || write(fd_.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
      throw Failure("there is no memory to check a recording in");
  }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

 private:
  UniqueFd fd_;
};

const Lab& lab_numbered(int number) {
  for (const Lab& lab : all_labs())
    if (lab.number == number) return lab;
  throw Refused("there is no lab " + std::to_string(number));
}

Answers answers_in(const Json& file) {
  Answers answers;
  for (const char* stage : {"prediction", "explanation"})
    for (const auto& [key, answer] : file.at(stage).items())
      if (answer.is_string()) answers[key] = answer.get<std::string>();
  return answers;
}

Machine machine_in(const Json& file) {
  Machine machine;
  machine.cpus = file.at("cpus").get<std::vector<uint32_t>>();
  if (machine.cpus.empty()) throw Refused("it names no CPU");
  if (file.at("node").is_string()) machine.node = file["node"].get<std::string>();
  return machine;
}

void check_seed(Grade& grade, std::optional<uint64_t> class_seed) {
  const uint64_t own = class_seed ? *class_seed : seed_of(grade.learner);
  if (grade.seed == own) return;
  grade.of_other_seed = true;
  throw Refused("it is of seed " + std::to_string(grade.seed) + ", and " +
                (class_seed ? "the class's" : grade.learner + "'s") + " is " + std::to_string(own));
}

// Was it the workload of this lab and seed, begun when this had been predicted?
void check_command(const Measurement& measurement, const std::string& promised) {
  const std::string& command = measurement.recorded;
  if (command.find(" --commitment " + promised) == std::string::npos)
    throw Refused(
        "its recording isn't of this run: another lab, seed or learner, or the predictions are not "
        "those that it began with");
}

void measure_again(Grade& grade, const Json& file, const std::string& recording) {
  const Lab& lab = lab_numbered(grade.lab);
  const Parameters parameters = parameters_of(lab, grade.seed, machine_in(file));
  const LabText text = filled_in(parse_lab(lab.page), parameters);
  const Answers answers = answers_in(file);
  const Unnamed unnamed(recording);
  const Measurement measurement =
      measure(lab, {unnamed.path(), file.at("output").get<std::string>()}, parameters);
  check_command(measurement, commitment(text, grade.lab, grade.seed, grade.learner, answers));
  const Verdict verdict = judge(text, measurement.measured, answers);
  if (!verdict.none.empty()) throw Refused("there was no verdict: " + verdict.none);
  grade.prediction = verdict.passed(Stage::prediction);
  grade.explanation = verdict.passed(Stage::explanation);
}

void check(Grade& grade, std::optional<uint64_t> class_seed) {
  std::error_code error;
  const auto size = std::filesystem::file_size(grade.path, error);
  if (error || size > kLargest) throw Refused("it isn't the result of a lab");
  const Json file = Json::parse(contents_of(grade.path));
  grade.learner = file.at("learner").get<std::string>();
  grade.lab = file.at("lab").get<int>();
  grade.seed = file.at("seed").get<uint64_t>();
  grade.runs_before = file.at("runs_before").get<uint64_t>();
  grade.solution_was_shown = file.at("solution_shown_before").get<bool>();
  if (result_digest(file) != file.at("digest"))
    throw Refused("it was changed after it was written");
  check_seed(grade, class_seed);
  const auto recording = from_base64(file.at("recording").get<std::string>());
  if (!recording) throw Refused("there is no recording in it");
  grade.digest = digest_of(*recording);
  measure_again(grade, file, *recording);
}

void find_results(const std::string& path, std::set<std::string>& found) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path)) {
    if (!fs::is_regular_file(path)) throw Failure("there is no file or directory " + path);
    found.insert(path);
    return;
  }
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file() && entry.path().extension() == ".json" &&
        entry.path().filename() != "attempts.json")
      found.insert(entry.path().string());
}

// One recording is one run, of one learner.
void refuse_copies(std::vector<Grade>& grades) {
  std::map<std::string, std::set<std::string>> learners;  // by recording
  for (const Grade& grade : grades)
    if (!grade.digest.empty()) learners[grade.digest].insert(grade.learner);
  for (Grade& grade : grades)
    if (!grade.digest.empty() && learners[grade.digest].size() > 1)
      grade.refused = "others have handed in the same recording";
}

// What was tried with other seeds beside isn't handed in.
void drop_tries(std::vector<Grade>& grades) {
  std::set<std::pair<std::string, int>> handed_in;
  for (const Grade& grade : grades)
    if (!grade.of_other_seed) handed_in.emplace(grade.learner, grade.lab);
  std::erase_if(grades, [&](const Grade& grade) {
    return grade.of_other_seed && handed_in.contains({grade.learner, grade.lab});
  });
}

}  // namespace

Grade grade_of(const std::string& path, std::optional<uint64_t> class_seed) {
  Grade grade;
  grade.path = path;
  try {
    check(grade, class_seed);
  } catch (const Json::exception&) {
    grade.refused = "it isn't the result of a lab";
  } catch (const std::exception& error) {
    grade.refused = error.what();
  }
  return grade;
}

std::vector<Grade> grades_of(const std::vector<std::string>& paths,
                             std::optional<uint64_t> class_seed) {
  std::set<std::string> found;
  for (const std::string& path : paths) find_results(path, found);
  if (found.empty()) throw Failure("there is no result of a lab in what was named");
  std::vector<Grade> grades;
  grades.reserve(found.size());
  for (const std::string& path : found) grades.push_back(grade_of(path, class_seed));
  refuse_copies(grades);
  drop_tries(grades);
  std::stable_sort(grades.begin(), grades.end(), [](const Grade& a, const Grade& b) {
    return std::tie(a.learner, a.lab) < std::tie(b.learner, b.lab);
  });
  return grades;
}

}  // namespace timeslice::labs
