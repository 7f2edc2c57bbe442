// SPDX-License-Identifier: MIT
// Does a recording say what the kernel says? Workloads rest before and after they run; what lies
// between is recorded, and every way of looking at the file must come to the kernel's own growth.
#include <sys/mount.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "model/lanes.h"
#include "play/recording.h"
#include "tests/catch.h"
#include "tests/live/bpf_objects.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/recorded.h"
#include "tests/live/storm.h"
#include "tests/live/top_json.h"
#include "tests/live/workloads.h"
#include "trace/reader.h"

namespace timeslice::live {

namespace {

struct Subject {
  pid_t tgid, tid;
  Truth before;
  double stolen_ms;
};

std::vector<Subject> subjects_of(const Cast& cast) {
  std::vector<Subject> subjects;
  for (const auto& workload : cast)
    for (const pid_t tid : workload->tids())
      subjects.push_back({workload->pid(), tid, truth_of(workload->pid(), tid), stolen_ms()});
  return subjects;
}

constexpr double kTickMs = 10;  // the longest tick of any kernel: HZ=100
constexpr double kMostBeforeMs = 0.1;

// Returns how many of its arrivals are missing: some machines hide a few threads of their own, and
// with them who comes after. Where none is, all figures are the kernel's; its leavings always are.
uint64_t check_thread(const Json& thread, const Subject& subject) {
  const Truth now = truth_of(subject.tgid, subject.tid);
  const Truth& before = subject.before;
  INFO(thread.dump());
  REQUIRE(thread.is_object());
  CHECK(thread["nvcsw"] == now.nvcsw - before.nvcsw);
  CHECK(thread["nivcsw"] == now.nivcsw - before.nivcsw);
  CHECK(thread["unclear_switches"] == 0);
  CHECK(thread["kernel"]["nvcsw"] == now.nvcsw - before.nvcsw);
  CHECK(thread["kernel"]["nivcsw"] == now.nivcsw - before.nivcsw);
  const double cpu_ms = static_cast<double>(now.cpu_ns - before.cpu_ns) / 1e6;
  const double run_delay_ns = thread["run_delay_ms"].get<double>() * 1e6;
  const auto kernel_delay_ns = static_cast<double>(now.run_delay_ns - before.run_delay_ns);
  const uint64_t slices = thread["slices"], kernel_slices = now.slices - before.slices;
  // The kernel takes what the host has stolen meanwhile off its own figure, and doesn't say whose.
  const double stolen = stolen_ms() - subject.stolen_ms;
  CHECK(thread["oncpu_ms"].get<double>() <= cpu_ms + kTickMs + stolen);
  CHECK(run_delay_ns <= kernel_delay_ns + 0.5);
  // A kernel that preempts itself counts no arrival after a preemption between the decision to
  // sleep and the sleep.
  REQUIRE(slices <= kernel_slices + now.nivcsw - before.nivcsw);
  if (slices < kernel_slices) return kernel_slices - slices;
  // The kernel's clock is read before our probe, at each arrival: by 4 to 27 us on a quiet machine.
  const double before_ms = static_cast<double>(kernel_slices) * kMostBeforeMs;
  CHECK(thread["oncpu_ms"].get<double>() >= cpu_ms - kTickMs - before_ms);
  CHECK(run_delay_ns == Approx(kernel_delay_ns).margin(0.5));
  return 0;
}

// Every nanosecond of the window is on-CPU, ready, off or unseen.
void check_split(const Json& thread, const Json& report) {
  const double sum = thread["oncpu_ms"].get<double>() + thread["wait_ms"].get<double>() +
                     thread["offcpu_ms"].get<double>() + thread["unseen_ms"].get<double>();
  CHECK(sum == Approx(report["duration_s"].get<double>() * 1e3));
}

void check_recorded(const Cast& cast, const std::vector<std::string>& arguments) {
  Recording recording(arguments);
  const std::vector<Subject> subjects = subjects_of(cast);
  run_together(cast);
  const Outcome outcome = recording.finish();
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  CHECK(outcome.err.find("nothing lost") != std::string::npos);
  const Json report = recording.report();
  CHECK(report["schema"] == "timeslice/report/1");
  CHECK(report["trust"]["lost_records"] == 0);
  CHECK(report["trust"]["complete"] == true);
  uint64_t missing = 0;
  for (const Subject& subject : subjects) {
    const Json thread = find_by(report["threads"], "tid", subject.tid);
    missing += check_thread(thread, subject);
    check_split(thread, report);
  }
  CHECK(missing <= report["trust"]["missing_slices"].get<uint64_t>());
  // An arrival that wasn't told is found out when its thread leaves, and counted then.
  CHECK(missing <= report["trust"]["missing_switches"].get<uint64_t>());
}

std::vector<std::string> only(const Cast& cast) {
  std::string list;
  for (const uint32_t tgid : tgids_of(cast))
    list += (list.empty() ? "" : ",") + std::to_string(tgid);
  return {"-p", list};
}

// What listeners are told, added up: what lanes, pages and whatever else are made from.
struct Sums : model::Listener {
  std::vector<uint64_t> oncpu_ns, ready_ns, slices;
  void slice(const model::Slice& slice) override {
    grow(slice.thread);
    oncpu_ns[slice.thread] += slice.end_ns - slice.begin_ns;
    ready_ns[slice.thread] += slice.wait_ns;
    slices[slice.thread] += slice.begin_cut ? 0 : 1;
  }
  void waiting(const model::Slice& slice) override {
    grow(slice.thread);
    ready_ns[slice.thread] += slice.wait_ns;
  }
  void grow(uint32_t thread) {
    if (oncpu_ns.size() > thread) return;
    for (auto* sums : {&oncpu_ns, &ready_ns, &slices}) sums->resize(thread + 1);
  }
};

void check_sums_agree(const std::string& path, std::optional<double> from_s,
                      std::optional<double> to_s) {
  play::RecordingOptions options;
  options.path = path;
  options.from_s = from_s;
  options.to_s = to_s;
  const play::Window window = play::find_window(options);
  model::Lanes lanes(window.begin_ns, window.end_ns, 173);
  Sums sums;
  const play::Recording recording = play::read_recording(options, [&](model::History& history) {
    history.listen(lanes);
    history.listen(sums);
  });
  const auto threads = recording.history->threads();
  sums.grow(static_cast<uint32_t>(threads.size()));
  for (size_t i = 0; i < threads.size(); ++i) {
    const model::HistoryThread& thread = threads[i];
    INFO(thread.comm << " " << thread.tid);
    CHECK(thread.oncpu_ns + thread.ready_ns + thread.off_sum_ns() + thread.unseen_ns ==
          thread.last_ns - thread.first_ns);
    CHECK(sums.oncpu_ns[i] == thread.oncpu_ns);
    CHECK(sums.ready_ns[i] == thread.ready_ns);
    uint64_t lane_oncpu = 0, lane_ready = 0;
    if (i < lanes.threads().size())
      for (const model::Lanes::Part& part : lanes.threads()[i])
        lane_oncpu += part.oncpu_ns, lane_ready += part.ready_ns;
    CHECK(lane_oncpu == thread.oncpu_ns);
    CHECK(lane_ready == thread.ready_ns);
  }
  for (const model::HistoryCore& core : recording.history->cores())
    CHECK(core.busy_ns + core.idle_ns + core.unseen_ns == window.end_ns - window.begin_ns);
}

}  // namespace

TEST_CASE("a recording of the machine has the kernel's counts of spinners") {
  check_recorded(spinner(), {});
}
TEST_CASE("a recording of the machine has the kernel's counts of spinners in turns") {
  check_recorded(pinned_spinners(), {});
}
TEST_CASE("a recording of the machine has the kernel's counts of a sleeper") {
  check_recorded(sleeper(), {});
}
TEST_CASE("a recording of the machine has the kernel's counts of yields") {
  check_recorded(yielder(), {});
}
TEST_CASE("a recording of the machine has the kernel's counts of ping-pong") {
  check_recorded(ping_pong(), {});
}
TEST_CASE("a recording of the machine has the kernel's counts of mixed threads") {
  check_recorded(mixed_threads(), {});
}
TEST_CASE("a recording of two processes has the kernel's counts of them") {
  const Cast cast = ping_pong();
  check_recorded(cast, only(cast));
}

TEST_CASE("a recording of the machine has all CPUs, and knows what each did") {
  const Cast cast = sleeper();
  Recording recording({});
  run_together(cast);
  REQUIRE(recording.finish().status == 0);
  const Json report = recording.report();
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  long known = 0;
  for (const Json& core : report["cores"])
    known += core["busy_ms"].get<double>() + core["idle_ms"].get<double>() > 0;
  CHECK(known >= online);
  check_sums_agree(recording.path(), {}, {});
}

TEST_CASE("a recording of selected processes knows others by name only") {
  const Cast cast = yielder();
  Recording recording(only(cast));
  run_together(cast);
  REQUIRE(recording.finish().status == 0);
  const Json report = recording.report();
  for (const Json& thread : report["threads"]) {
    const auto tgids = tgids_of(cast);
    CHECK(std::count(tgids.begin(), tgids.end(), thread["tgid"].get<uint32_t>()) == 1);
  }
  for (const Json& core : report["cores"]) CHECK(core["idle_ms"].is_null());
}

TEST_CASE("lanes, listeners and the report have the same sums, for the whole and for a window") {
  const Cast cast = mixed_threads();
  Recording recording({});
  run_together(cast);
  REQUIRE(recording.finish().status == 0);
  const double seconds = recording.report()["duration_s"];
  check_sums_agree(recording.path(), {}, {});
  check_sums_agree(recording.path(), seconds / 3, seconds / 2);
  check_sums_agree(recording.path(), {}, seconds / 4);
  check_sums_agree(recording.path(), seconds / 4, {});
}

TEST_CASE("a command is recorded from its start, with all its descendants") {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/c.pftrace";
  const Outcome outcome = run({timeslice(), "record", "-o", path, "--", "/bin/sh", "-c",
                               "for i in 1 2 3; do /bin/sleep 0.01; done; exit 3"});
  INFO(outcome.err);
  CHECK(outcome.status == 3);
  CHECK(outcome.err.find("; stopped: the command ended") != std::string::npos);
  const Json report = Json::parse(run({timeslice(), "report", path, "--json"}).out);
  int sleeps = 0, shells = 0;
  for (const Json& thread : report["threads"]) {
    INFO(thread.dump());
    CHECK(thread["born"] == true);
    CHECK(thread["ended"] == true);
    // A machine that hides threads hides arrivals after them as well.
    if (thread["kernel"]["slices"] == thread["slices"]) CHECK(thread["unseen_ms"] == 0);
    CHECK(thread["kernel"]["nvcsw"] == thread["nvcsw"]);
    CHECK(thread["kernel"]["nivcsw"] == thread["nivcsw"]);
    sleeps += thread["comm"] == "sleep";
    shells += thread["comm"] == "sh";
  }
  CHECK(sleeps == 3);
  CHECK(shells == 1);
  CHECK(report["threads"].size() == 4);
}

// The longest wait before a slice of a thread, as the file's switches tell.
struct LongestWait : trace::Visitor {
  explicit LongestWait(uint32_t thread) : tid(thread) {}
  void header(const trace::Header&) override {}
  void row(trace::Moment, const ts_thread_row&) override {}
  void role(const trace::RoleNote&) override {}
  void closing(const trace::Closing&) override {}
  void event(const ts_event& event) override {
    if (event.kind != TS_EVENT_SWITCH || event.tid != tid) return;
    const uint64_t wait_ns = reinterpret_cast<const ts_event_switch&>(event).wait_ns;
    if (wait_ns != TS_WAIT_UNKNOWN) ns = std::max(ns, wait_ns);
  }
  uint32_t tid;
  uint64_t ns = 0;
};

// However much is missing, no more than the kernel leaves is called sleep, and no longer wait is
// told than the file holds. The workload's threads are born on one core and stay there, so no wait
// has two parts.
void check_nothing_made_up(const std::string& path, const Json& report, const Json& thread) {
  INFO(thread.dump());
  LongestWait longest(thread["tid"].get<uint32_t>());
  trace::read(*trace::open_file(path), path, longest);
  CHECK(thread["migrations"] == 0);
  if (thread["waits"] > 0)
    CHECK(thread["wait_max_us"].get<double>() <= static_cast<double>(longest.ns) / 1e3 + 0.001);
  REQUIRE(thread["kernel"].is_object());
  const Json& kernel = thread["kernel"];
  const double measured_apart_ms = kTickMs + 0.03 * kernel["slices"].get<double>();
  CHECK(thread["offcpu_ms"].get<double>() <=
        report["duration_s"].get<double>() * 1e3 - kernel["cpu_ms"].get<double>() -
            kernel["run_delay_ms"].get<double>() + measured_apart_ms);
}

TEST_CASE("a ring buffer overrun is reported, and percentiles are withheld") {
  const Cast cast = pinned_ping_pong();
  Recording recording({"--buffer-kib", "4"});
  recording.pause();  // a recorder that is quick enough loses nothing
  run_together(cast);
  recording.resume();
  run_together(cast);  // the gap is told by the next record that finds room
  const Outcome outcome = recording.finish();
  REQUIRE(outcome.status == 0);
  const Json report = recording.report();
  REQUIRE(report["trust"]["lost_records"] > 0);
  CHECK(report["trust"]["gaps"] > 0);
  CHECK(outcome.err.find(" lost") != std::string::npos);
  CHECK(report["all"]["wait_p99_us"].is_null());
  check_sums_agree(recording.path(), {}, {});
}

TEST_CASE("in a gap, no sleep and no wait is invented") {
  const Cast cast = pinned_ping_pong();
  Recording recording({"--buffer-kib", "64"});
  run_together(cast);
  recording.pause();
  for (int i = 0; i < 4; ++i) run_together(cast);
  recording.resume();
  run_together(cast);
  REQUIRE(recording.finish().status == 0);
  const Json report = recording.report();
  REQUIRE(report["trust"]["lost_records"] > 0);
  CHECK(report["trust"]["missing_slices"] > 0);
  for (const auto& workload : cast)
    check_nothing_made_up(recording.path(), report,
                          find_by(report["threads"], "tid", workload->pid()));
  check_sums_agree(recording.path(), {}, {});
}

TEST_CASE("records without room until the end are reported as a gap") {
  const Cast cast = pinned_ping_pong();
  std::vector<std::string> arguments = only(cast);
  arguments.insert(arguments.end(), {"--buffer-kib", "4"});
  Recording recording(arguments);
  recording.pause();
  run_together(cast);
  recording.resume();  // they rest: no later record is there to tell the gap
  REQUIRE(recording.finish().status == 0);
  const Json report = recording.report();
  REQUIRE(report["trust"]["lost_records"] > 0);
  CHECK(report["trust"]["gaps"] > 0);
  for (const auto& workload : cast)
    CHECK(find_by(report["threads"], "tid", workload->pid())["unseen_ms"] > 0);
  check_sums_agree(recording.path(), {}, {});
}

TEST_CASE("a recorder that was killed leaves a file that reads up to its last flush") {
  const Cast cast = sleeper();
  Recording recording({});
  struct stat status {};
  stat(recording.path().c_str(), &status);
  const auto began = status.st_size;
  run_together(cast);
  REQUIRE(until(
      [&] { return stat(recording.path().c_str(), &status) == 0 && status.st_size > began; }));
  recording.finish(SIGKILL);
  const Outcome outcome = run({timeslice(), "report", recording.path(), "--json"});
  REQUIRE(outcome.status == 0);
  CHECK(outcome.err.find("killed") != std::string::npos);
  const Json report = Json::parse(outcome.out);
  CHECK(report["trust"]["complete"] == false);
  CHECK(report["all"]["slices"] > 0);
  check_sums_agree(recording.path(), {}, {});
}

// Until there is no room left on its disk.
void fill_disk(const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  const std::string page(4096, 'x');
  while (file.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
  }
}

bool is_zombie(pid_t pid) {
  return read_file("/proc/" + std::to_string(pid) + "/stat").find(") Z ") != std::string::npos;
}

uint64_t slices_in(const std::string& path) {
  const Outcome report = run({timeslice(), "report", path, "--json"});
  return report.status == 0 ? Json::parse(report.out)["all"]["slices"].get<uint64_t>() : 0;
}

TEST_CASE("a full disk ends the recording with an error, and the file can be read") {
  const ScratchDirectory directory;
  if (mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=32m") != 0)
    SKIP_TEST("no tmpfs can be mounted here");
  const std::string path = directory.path() + "/r.pftrace";
  {
    const Cast cast = pinned_ping_pong();
    Command recorder({timeslice(), "record", "-o", path});
    // What fails is cut off whole, so something must be there before the disk is full.
    const bool began = until([&] {
      run_together(cast);
      return slices_in(path) > 0;
    });
    CHECK(began);
    fill_disk(directory.path() + "/filler");
    const bool ended = until([&] {
      run_together(cast);
      return is_zombie(recorder.pid());
    });
    CHECK(ended);
    const Outcome outcome = recorder.finish();
    CHECK(outcome.status == 1);
    CHECK(outcome.err.find("No space left on device") != std::string::npos);
    CHECK(lines_of(outcome.err).size() == 1);
    CHECK(slices_in(path) > 0);
  }
  umount(directory.path().c_str());
}

TEST_CASE("a recording stops at --max-size") {
  const Cast cast = pinned_ping_pong();
  Recording recording({"--max-size", "300KB"});
  struct stat status {};
  for (int i = 0; i < 1000 && status.st_size < 300'000; ++i) {
    run_together(cast);
    stat(recording.path().c_str(), &status);
  }
  const Outcome outcome = recording.wait();
  CHECK(outcome.status == 0);
  CHECK(outcome.err.find("; stopped: size limit reached") != std::string::npos);
  CHECK(recording.report()["trust"]["complete"] == true);
}

TEST_CASE("a recording of short-lived threads has each of them") {
  Recording recording({});
  Storm storm(2000);
  REQUIRE(until([&] { return storm.made() >= 500; }));
  const uint64_t made = storm.stop();
  REQUIRE(recording.finish().status == 0);
  const Json report = recording.report();
  uint64_t born = 0;
  for (const Json& thread : report["threads"]) born += thread["born"] == true;
  CHECK(report["trust"]["lost_records"] == 0);
  CHECK(born >= made);
}

TEST_CASE("a flight recorder writes the last seconds, at its end and on demand") {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/f.pftrace";
  const Cast cast = mixed_threads();
  Command recorder({timeslice(), "record", "--ring", "1", "-o", path});
  const auto exists = [](const std::string& file) {
    return until([&] {
      return lines_of(run({timeslice(), "report", file, "--by", "core"}).out).size() > 1;
    });
  };
  // The handler is there before the file is: so it is asked until it has answered.
  REQUIRE(until([&] {
    run_together(cast);
    recorder.signal(SIGUSR1);
    return ::access(path.c_str(), R_OK) == 0;
  }));
  REQUIRE(exists(path));
  for (const auto begin = Clock::now(); Clock::now() < begin + 6s;) run_together(cast);
  recorder.signal(SIGINT);
  const Outcome outcome = recorder.finish();
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const std::string last = lines_of(outcome.err).back();
  const std::string file = last.substr(11, last.find(": ", 11) - 11);
  CHECK(file != path);
  for (const std::string& one : {path, file}) {
    INFO(one);
    const Json report = Json::parse(run({timeslice(), "report", one, "--json"}).out);
    CHECK(report["trust"]["complete"] == true);
    // At least what was asked for, if it has run so long, and a segment more at most; which ends a
    // little late on a busy machine.
    CHECK(report["duration_s"] < 5.0);
    check_sums_agree(one, {}, {});
    for (const Json& thread : report["threads"]) {
      if (thread["kernel"].is_null()) continue;
      INFO(thread.dump());
      CHECK(thread["kernel"]["nvcsw"] == thread["nvcsw"]);
      CHECK(thread["kernel"]["nivcsw"] == thread["nivcsw"]);
    }
  }
}

namespace {

// Is there a handler for it, or a descriptor that takes it?
bool heeds(pid_t pid, int signal) {
  for (const std::string& line : lines_of(read_file("/proc/" + std::to_string(pid) + "/status")))
    if (line.starts_with("SigBlk:") || line.starts_with("SigCgt:"))
      if (std::stoull(line.substr(8), nullptr, 16) >> (signal - 1) & 1) return true;
  return false;
}

}  // namespace

TEST_CASE("a flight recorder tells of what it lost for as long as the gap is in what it keeps") {
  const ScratchDirectory directory;
  const Cast cast = pinned_ping_pong();
  std::vector<std::string> arguments = only(cast);
  arguments.insert(arguments.begin(), {timeslice(), "record", "--ring", "1", "--buffer-kib", "4",
                                       "-o", directory.path() + "/f.pftrace"});
  Command recorder(arguments);
  std::set<std::string> seen;
  REQUIRE(until([&] { return heeds(recorder.pid(), SIGUSR1); }));
  const auto next_trust = [&] {
    Json report;
    recorder.signal(SIGUSR1);
    REQUIRE(until([&] {
      for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
        if (seen.contains(entry.path())) continue;
        const Outcome outcome = run({timeslice(), "report", entry.path(), "--json"});
        if (outcome.status != 0) continue;
        report = Json::parse(outcome.out);
        if (report["trust"]["complete"] != true) continue;
        seen.insert(entry.path());
        return true;
      }
      return false;
    }));
    return report["trust"];
  };
  REQUIRE(next_trust()["lost_records"] == 0);
  recorder.signal(SIGSTOP);
  run_together(cast);
  recorder.signal(SIGCONT);  // they rest from now on
  Json trust;
  REQUIRE(until([&] { return (trust = next_trust())["gaps"] > 0; }));
  CHECK(trust["lost_records"] > 0);
  REQUIRE(until([&] { return (trust = next_trust())["gaps"] == 0; }));
  CHECK(trust["lost_records"] == 0);
  recorder.signal(SIGINT);
  CHECK(recorder.finish().status == 0);
}

TEST_CASE("a wait over --trigger-wait ends a recording, which contains it") {
  const Cast cast = pinned_spinners();
  ScratchDirectory directory;
  const std::string path = directory.path() + "/t.pftrace";
  std::vector<std::string> arguments = {timeslice(), "record", "--ring",         "5",
                                        "-o",        path,     "--trigger-wait", "1"};
  for (const std::string& one : only(cast)) arguments.push_back(one);
  Command recorder(arguments);
  std::optional<std::string> line;
  REQUIRE(until([&] {
    run_together(cast);
    return ::access(path.c_str(), R_OK) == 0;
  }));
  const Outcome outcome = recorder.finish();
  CHECK(outcome.status == 0);
  CHECK(outcome.err.find(" waited ") != std::string::npos);
  const Json report = Json::parse(run({timeslice(), "report", path, "--json"}).out);
  CHECK(report["all"]["wait_max_us"] >= 1000);
}

TEST_CASE("a hundred thousand short-lived threads are each counted") {
  constexpr int kThreads = 100'000;
  Cast cast;
  cast.push_back(std::make_unique<Workload>(std::vector<Leg>{[] {
    for (int i = 0; i < kThreads; ++i) std::thread([] {}).join();
  }}));
  Recording recording(only(cast));
  cast[0]->start();
  cast[0]->rest(15min);
  REQUIRE(recording.finish().status == 0);
  const Json report = recording.report({"--by", "process"});
  CHECK(report["trust"]["lost_records"] == 0);
  REQUIRE(report["processes"].size() == 1);
  CHECK(report["processes"][0]["threads"] == kThreads + 1);
  CHECK(report["processes"][0]["slices"] >= kThreads);
}

TEST_CASE("a recorder leaves no program behind") {
  const BpfIds before = bpf_ids();
  REQUIRE(run({timeslice(), "record", "-q", "--seconds", "0.2", "-o", "/dev/null"}).status == 0);
  CHECK(until([&] { return bpf_ids_since(before, 0).empty(); }));
}

TEST_CASE("each error about recording or reading is one line") {
  const auto fails = [](std::vector<std::string> arguments, const std::string& with) {
    arguments.insert(arguments.begin(), timeslice());
    const Outcome outcome = run(arguments);
    INFO(outcome.err);
    CHECK(outcome.status == 1);
    CHECK(lines_of(outcome.err).size() == 1);
    CHECK(outcome.err.find(with) != std::string::npos);
  };
  const ScratchDirectory directory;
  const std::string empty = directory.path() + "/empty";
  std::ofstream(empty).close();
  fails({"record", "-p", "999999999"}, "there is no process");
  fails({"record", "-o", "/nowhere/r", "--seconds", "0.1"}, "cannot write /nowhere/r");
  fails({"record", "-o", directory.path() + "/r", "--", "/no/such/program"}, "cannot start");
  const std::string link = directory.path() + "/link";
  REQUIRE(::symlink(empty.c_str(), link.c_str()) == 0);
  fails({"record", "-o", link, "--seconds", "0.1"}, "it is a symbolic link");
  fails({"report", "/nowhere/r"}, "cannot open");
  fails({"report", empty}, "is empty");
  fails({"report", "/proc/self/exe"}, "is not a scheduler recording");
  fails({"lanes", directory.path()}, "is not a regular file");
}

}  // namespace timeslice::live
