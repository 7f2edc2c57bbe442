// SPDX-License-Identifier: MIT
#include "labs/run.h"

#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "base/failure.h"
#include "base/private_file.h"
#include "labs/file_contents.h"
#include "labs/parts/workload_output.h"
#include "record/recorder.h"

namespace timeslice::labs {

namespace {

constexpr char kParentVariable[] = "TIMESLICE_LAB_PARENT";
constexpr double kLongest = 50;                  // seconds
constexpr size_t kMostSlices = size_t{4} << 20;  // of a lab's few seconds

class SliceLog : public model::Listener {
 public:
  void slice(const model::Slice& slice) override {
    if (slices_.size() == kMostSlices) throw Failure("this machine switches too often for a lab");
    slices_.push_back(slice);
  }
  [[nodiscard]] const std::vector<model::Slice>& slices() const { return slices_; }

 private:
  std::vector<model::Slice> slices_;
};

std::string path_of_node() {
  const char* const path = std::getenv("PATH");
  std::string directories = path ? path : "";
  for (size_t at = 0; at < directories.size();) {
    const size_t end = std::min(directories.find(':', at), directories.size());
    std::string program = directories.substr(at, end - at) + "/node";
    if (access(program.c_str(), X_OK) == 0) return program;
    at = end + 1;
  }
  return "";
}

// By its name, as it is shown; where that has gone, by the kernel's.
std::string this_program() {
  std::error_code error;
  const std::string path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error || access(path.c_str(), X_OK) != 0 ? "/proc/self/exe" : path;
}

// Some labs have the same seed, and not the same variant.
Random random_of(const Lab& lab, uint64_t seed) {
  return Random(seed * 64 + static_cast<uint64_t>(lab.number));
}

}  // namespace

Machine this_machine() {
  Machine machine;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof(allowed), &allowed);
  for (uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) machine.cpus.push_back(cpu);
  machine.node = path_of_node();
  return machine;
}

Parameters parameters_of(const Lab& lab, uint64_t seed, const Machine& machine) {
  Random random = random_of(lab, seed);
  return lab.variant(random, machine);
}

Run run_workload(const Lab& lab, const RunOptions& options) {
  const Run run{options.directory + "/recording.pftrace", ""};
  const std::string output = options.directory + "/output";
  unlink(output.c_str());
  if (!lab.script.empty())
    write_private(options.directory + "/workload.js", std::string(lab.script), Earlier::replace);
  setenv(kOutputVariable, output.c_str(), 1);
  setenv(kParentVariable, std::to_string(getpid()).c_str(), 1);
  record::RecordOptions recorded;
  recorded.path = run.recording;
  recorded.earlier = Earlier::replace;
  recorded.command = {options.program.empty() ? this_program() : options.program,
                      "lab",
                      std::to_string(lab.number),
                      "--workload",
                      "--seed",
                      std::to_string(options.seed)};
  if (!options.commitment.empty()) {
    recorded.command.emplace_back("--commitment");
    recorded.command.push_back(options.commitment);
  }
  recorded.seconds = kLongest;
  recorded.quiet = true;
  const int status = record::record(recorded);
  unsetenv(kOutputVariable);
  if (status != 0) throw Failure("the lab's workload ended with status " + std::to_string(status));
  // Written when all is done; a recording ends earlier where we are told to stop.
  if (access(output.c_str(), F_OK) != 0)
    throw Failure("interrupted: the lab's workload hadn't ended, and was stopped");
  return {run.recording, contents_of(output)};
}

int be_workload(const Lab& lab, uint64_t seed) {
  // An interrupted lab leaves nobody behind, also where it has gone before we ask for that.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const char* const parent = std::getenv(kParentVariable);
  if (parent && std::to_string(getppid()) != parent) return 1;
  const Machine machine = this_machine();
  const char* const output = std::getenv(kOutputVariable);
  if (!output) throw Failure("a workload is started by its lab");
  const std::string directory = std::filesystem::path(output).parent_path();
  return lab.workload({parameters_of(lab, seed, machine), machine, directory});
}

Measurement measure(const Lab& lab, const Run& run, const Parameters& parameters) {
  SliceLog log;
  play::RecordingOptions options;
  options.path = run.recording;
  const play::Recording recording =
      play::read_recording(options, [&](model::History& history) { history.listen(log); });
  Measured measured = lab.measure({*recording.history, log.slices(), run.output}, parameters);
  if (measured.no_verdict.empty() && recording.trust.lost > 0)
    measured.no_verdict = "records were lost: this machine is too busy; try again";
  return {measured, recording.history->info().asked};
}

}  // namespace timeslice::labs
