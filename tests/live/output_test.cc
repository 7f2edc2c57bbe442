// SPDX-License-Identifier: MIT
// Does batch mode print what the command line's contract promises? Every key, null where there is
// no figure, whole lines only, and figures that are the kernel's.
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/catch.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/top_json.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

using Keys = std::vector<const char*>;

void check_keys(const Json& object, const Keys& keys) {
  for (const char* key : keys) {
    INFO(key);
    CHECK(object.contains(key));
  }
}

const Keys kFrame = {"schema", "time_ns",   "interval_s", "source", "rung",
                     "cores",  "processes", "threads",    "trust"};
const Keys kCore = {"cpu", "busy_ratio", "switches_per_s", "queue_len"};
const Keys kProcess = {"tgid",  "comm",   "runtime",     "threads",      "cpu_pct",
                       "nvcsw", "nivcsw", "nvcsw_per_s", "nivcsw_per_s", "wait_ms_per_s"};
const Keys kThread = {"tgid",         "tid",           "comm",
                      "role",         "role_evidence", "role_confidence",
                      "state",        "cpu",           "cpu_pct",
                      "nvcsw",        "nivcsw",        "nvcsw_per_s",
                      "nivcsw_per_s", "wait_ms_per_s", "wait_p99_us",
                      "migrations",   "policy",        "nice",
                      "sleeps_in",    "top_preemptor", "top_waker"};
const Keys kTrust = {"lost_records",   "storage_failures", "unseeded_threads",
                     "censored_waits", "self_cpu_pct",     "probe_ns_per_switch"};

std::string id_of(const Workload& workload) { return std::to_string(workload.pid()); }

void check_contract(const Json& frame) {
  check_keys(frame, kFrame);
  CHECK(frame["schema"] == "timeslice/top/1");
  check_keys(frame["trust"], kTrust);
  REQUIRE_FALSE(frame["cores"].empty());
  for (const Json& core : frame["cores"]) check_keys(core, kCore);
  for (const Json& process : frame["processes"]) check_keys(process, kProcess);
  for (const Json& thread : frame["threads"]) check_keys(thread, kThread);
}

// Where the unified hierarchy is; empty: nowhere.
std::string cgroup2_mount() {
  std::istringstream mounts(read_file("/proc/self/mounts"));
  std::string device, place, type, rest;
  while (mounts >> device >> place >> type && std::getline(mounts, rest))
    if (type == "cgroup2") return place;
  return "";
}

// Made for a test, and removed after it; only an empty one can be.
struct Cgroup {
  explicit Cgroup(std::string made) : path(std::move(made)) {
    REQUIRE(mkdir(path.c_str(), 0755) == 0);
  }
  ~Cgroup() { rmdir(path.c_str()); }
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  void take(pid_t pid) const { std::ofstream(path + "/cgroup.procs") << pid; }
  const std::string path;
};

// The figures of a process at rest, in any mode that counts switches.
void check_figures(const Json& frame, const Workload& workload) {
  const Json process = find_by(frame["processes"], "tgid", workload.pid());
  REQUIRE(process.is_object());
  CHECK(process["threads"] == workload.tids().size());
  CHECK(frame["threads"].size() == workload.tids().size());
  for (const pid_t tid : workload.tids()) {
    const Truth truth = truth_of(workload.pid(), tid);
    const Json thread = find_by(frame["threads"], "tid", tid);
    REQUIRE(thread.is_object());
    CHECK(thread["tgid"] == workload.pid());
    CHECK(thread["nvcsw"] == truth.nvcsw);
    CHECK(thread["nivcsw"] == truth.nivcsw);
    CHECK(thread["nvcsw_per_s"] == 0);  // measured, and none: not null
    CHECK(thread["state"] == "S");
    CHECK(thread["sleeps_in"] == "read");
    CHECK(thread["policy"] == "normal");
  }
}

}  // namespace

TEST_CASE("top --json in count mode keeps the contract") {
  const Cast cast = mixed_threads();
  const Outcome outcome = run(top({"-b", "-n", "2", "-d", "0.1", "--json", "-p", id_of(*cast[0])}));
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
  const std::vector<Json> frames = objects_in(outcome.out);
  REQUIRE(frames.size() == 2);
  for (const Json& frame : frames) {
    check_contract(frame);
    check_figures(frame, *cast[0]);
    CHECK(frame["source"] == "bpf");
    CHECK(frame["rung"] == "count");
    for (const Json& thread : frame["threads"]) {
      CHECK(thread["wait_p99_us"].is_null());
      CHECK(thread["top_preemptor"].is_null());
      CHECK(thread["top_waker"].is_null());
      CHECK(thread["migrations"].is_number());
    }
    CHECK(frame["trust"]["probe_ns_per_switch"].is_null());
  }
  // A busy machine may delay a refresh, whose interval the next one's then lacks.
  const double first = frames[0]["interval_s"], second = frames[1]["interval_s"];
  CHECK(first >= 0.1);
  CHECK(first + second >= 0.199);  // both are rounded to a thousandth
  const int64_t between = frames[1]["time_ns"].get<int64_t>() - frames[0]["time_ns"].get<int64_t>();
  CHECK(second == Approx(static_cast<double>(between) / 1e9).margin(0.001));
}

TEST_CASE("top --json in aggregate mode keeps the contract, and measures its probes") {
  const Cast cast = ping_pong();
  Command command(top(
      {"--json", "-d", "0.1", "--probes", "sched", "-p", id_of(*cast[0]) + "," + id_of(*cast[1])}));
  run_together(cast);
  Json seen, frame;
  for (int i = 0; i < 100 && seen.is_null(); ++i) {
    const auto line = command.line();
    REQUIRE(line);
    frame = Json::parse(*line);
    check_contract(frame);
    CHECK(frame["rung"] == "aggregate");
    const Json thread = find_by(frame["threads"], "tid", cast[0]->pid());
    REQUIRE(thread.is_object());
    // At first who opens the gate may have woken it as often as its partner has.
    const Json& waker = thread["top_waker"];
    if (!thread["wait_p99_us"].is_null() && waker.is_object() && waker["tid"] == cast[1]->pid())
      seen = thread;
    run_together(cast);
  }
  REQUIRE(seen.is_object());
  CHECK(seen["wait_p99_us"] > 0);
  CHECK(frame["trust"]["probe_ns_per_switch"].is_number());
  CHECK(frame["trust"]["probe_ns_per_switch"] > 0);
  command.signal(SIGTERM);
  CHECK(command.finish().status == 0);
}

TEST_CASE("top --csv has one heading and as many fields in every line") {
  const Cast cast = mixed_threads();
  const Outcome outcome = run(top({"-b", "-n", "2", "-d", "0.1", "--csv", "-p", id_of(*cast[0])}));
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
  const std::vector<std::string> lines = lines_of(outcome.out);
  REQUIRE(lines.size() == 1 + 2 * 4);
  CHECK(lines[0].rfind("time_ns,tid,tgid,", 0) == 0);
  const auto commas = [](const std::string& line) {
    return std::count(line.begin(), line.end(), ',');
  };
  for (const std::string& line : lines) CHECK(commas(line) == commas(lines[0]));
  for (const pid_t tid : cast[0]->tids()) {
    const std::string ids = "," + std::to_string(tid) + "," + id_of(*cast[0]) + ",";
    CHECK(std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
            return line.find(ids) != std::string::npos;
          }) == 2);
  }
}

TEST_CASE("top -b prints tables with the process, its threads, the CPUs and the trust line") {
  const Cast cast = mixed_threads();
  const Outcome outcome = run(top({"-b", "-n", "1", "-d", "0.1", "-p", id_of(*cast[0])}));
  CHECK(outcome.status == 0);
  for (const pid_t tid : cast[0]->tids())
    CHECK(outcome.out.find(" " + std::to_string(tid) + " ") != std::string::npos);
  CHECK(outcome.out.find("1 process, 4 threads") != std::string::npos);
  CHECK(outcome.out.find("mode count") != std::string::npos);
  CHECK(outcome.out.find("CPU   0  busy") != std::string::npos);
  CHECK(outcome.out.find("\ntrust: ") != std::string::npos);
  CHECK(outcome.out.find('\033') == std::string::npos);  // no colours into a pipe
}

TEST_CASE("a non-ASCII comm is shown if the locale has its characters") {
  const std::string comm = "na\xC3\xAFve-\xE6\x97\xA5\xE6\x9C\xAC";  // two of them two columns wide
  Workload workload({[&] { prctl(PR_SET_NAME, comm.c_str()); }});
  workload.run();
  const auto print = [&](const std::string& format, const char* locale) {
    return run(top({format, "-n", "1", "-d", "0.05", "-p", id_of(workload)}),
               [&] { setenv("LC_ALL", locale, 1); })
        .out;
  };
  CHECK(objects_in(print("--json", "C"))[0]["threads"][0]["comm"] == comm);
  CHECK(print("--csv", "C.UTF-8").find("," + comm + ",") != std::string::npos);
  CHECK(print("-b", "C").find(" na?ve-?? ") != std::string::npos);
  const std::string table = print("-b", "C.UTF-8");
  // 10 columns of 16, and what follows is in line.
  CHECK(table.find(" " + comm + std::string(6, ' ') + " ") != std::string::npos);
}

TEST_CASE("file names and bad arguments can't control the terminal through stderr") {
  const std::string name = "a\x1b]0;owned\x07\n\u009b31m\u202e.pftrace";
  const ScratchDirectory directory;
  const std::string broken = directory.path() + "/" + name;
  std::ofstream(broken) << "no recording";
  const auto check = [](const Outcome& outcome, int status, size_t lines) {
    INFO(outcome.err);
    CHECK(outcome.status == status);
    CHECK(lines_of(outcome.err).size() == lines);
    CHECK(outcome.err.find("a?]0;owned???31m?.pftrace") != std::string::npos);
    for (const char* odd : {"\x1b", "\x07", "\u009b", "\u202e"})
      CHECK(outcome.err.find(odd) == std::string::npos);
  };
  const auto utf8 = [] { setenv("LC_ALL", "C.UTF-8", 1); };
  for (const char* tool : {"report", "lanes", "timeline"})
    check(run({timeslice(), tool, broken}, utf8), 1, 1);
  check(run(top({"-b", "--replay", broken}), utf8), 1, 1);
  check(run({timeslice(), "record", "-o", "/nowhere/" + name, "--seconds", "0.1"}, utf8), 1, 1);
  check(run({timeslice(), "record", "-o", directory.path() + "/r", "--", name}, utf8), 1, 1);
  check(run({timeslice(), "check", name}, utf8), 2, 2);
  // A sentence's own letters stay what they are.
  CHECK(run({timeslice(), "report", "/nowhere/na\u00efve"}, utf8).err.find("na\u00efve") !=
        std::string::npos);
}

TEST_CASE("--comm shows only what matches") {
  const Cast cast = sleeper();
  std::string comm = read_file("/proc/" + id_of(*cast[0]) + "/comm");
  comm.pop_back();
  const std::string glob = comm.substr(0, comm.size() - 1) + "?";
  const Outcome outcome = run(top({"-n", "1", "-d", "0.1", "--json", "--comm", glob}));
  CHECK(outcome.status == 0);
  const std::vector<Json> frames = objects_in(outcome.out);
  REQUIRE(frames.size() == 1);
  CHECK(find_by(frames[0]["processes"], "tgid", cast[0]->pid()).is_object());
  for (const Json& process : frames[0]["processes"]) CHECK(process["comm"] == comm);
  for (const Json& thread : frames[0]["threads"])
    CHECK(find_by(frames[0]["processes"], "tgid", thread["tgid"]).is_object());
}

TEST_CASE("--cgroup shows only what is in the cgroup or below it") {
  const std::string mount = cgroup2_mount();
  if (mount.empty()) SKIP_TEST("no cgroup2 hierarchy is mounted");
  const Cgroup above(mount + "/timeslice-test-" + std::to_string(getpid()));
  const Cgroup below(above.path + "/below");
  const Cast inside = sleeper(), outside = sleeper();  // gone before the cgroups are
  below.take(inside[0]->pid());
  for (const std::string& path : {above.path, above.path.substr(mount.size())}) {
    CAPTURE(path);
    const Outcome outcome = run(top({"-n", "1", "-d", "0.1", "--json", "--cgroup", path}));
    CHECK(outcome.status == 0);
    const std::vector<Json> frames = objects_in(outcome.out);
    REQUIRE(frames.size() == 1);
    REQUIRE(frames[0]["processes"].size() == 1);
    CHECK(frames[0]["processes"][0]["tgid"] == inside[0]->pid());
    CHECK(frames[0]["threads"].size() == 1);
  }
}

TEST_CASE("without -p all processes are shown, ours and the kernel's") {
  const Cast cast = sleeper();
  const std::vector<Json> frames = objects_in(run(top({"-n", "1", "-d", "0.1", "--json"})).out);
  REQUIRE(frames.size() == 1);
  CHECK(find_by(frames[0]["processes"], "tgid", cast[0]->pid()).is_object());
  CHECK(find_by(frames[0]["processes"], "tgid", getpid()).is_object());
  CHECK(find_by(frames[0]["threads"], "tid", 0).is_null());  // the idle threads are no rows
  CHECK(find_by(frames[0]["threads"], "tid", 2)["role"] == "kernel");
}

// The module's mode is tried in guests (tests/vm), where it loads.
TEST_CASE("check lists every mode, and whether it is allowed or why not") {
  const Outcome outcome = run({timeslice(), "check", "--json"});
  CHECK(outcome.status == 0);
  const std::vector<Json> objects = objects_in(outcome.out);
  REQUIRE(objects.size() == 1);
  CHECK(objects[0]["schema"] == "timeslice/check/1");
  std::vector<std::string> names;
  for (const Json& mode : objects[0]["rungs"]) {
    INFO(mode.dump());
    names.push_back(mode["rung"]);
    const bool allowed = mode["rung"] != "kmod" || access("/proc/timeslice/threads", R_OK) == 0;
    CHECK(mode["allowed"] == allowed);
    CHECK(mode["reason"].is_null() == allowed);
    CHECK(mode["fix"].is_null() == allowed);
    CHECK(mode["mend"] == mode["fix"]);
    CHECK_FALSE(mode["gives"].get<std::string>().empty());
  }
  CHECK(names ==
        std::vector<std::string>{"kmod", "aggregate", "count", "proc", "memory", "io_uring"});
  const Outcome text = run({timeslice(), "check"});
  CHECK(text.status == 0);
  for (const std::string& name : names)
    CHECK(text.out.find("\n" + name + " ") != std::string::npos);
}

}  // namespace timeslice::live
