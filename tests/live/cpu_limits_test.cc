// SPDX-License-Identifier: MIT
// Is a process's CPU limit what its cgroups have, and is it throttled as often as the kernel says?
#include "observe/cpu_limits.h"

#include <mntent.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "tests/catch.h"
#include "tests/live/processes.h"
#include "tests/live/waiting.h"

namespace timeslice::observe {

namespace {

using namespace live;

// Where cgroups with a CPU limit can be made: in the hierarchy of the cpu controller alone, or in
// the unified one where it is given to children.
struct Controller {
  std::string mount;
  bool unified = false;
};

std::optional<Controller> cpu_controller() {
  const std::unique_ptr<FILE, int (*)(FILE*)> mounts(setmntent("/proc/self/mounts", "re"),
                                                     endmntent);
  while (const mntent* entry = mounts ? getmntent(mounts.get()) : nullptr) {
    const std::string type = entry->mnt_type, where = entry->mnt_dir;
    if (type == "cgroup" && hasmntopt(entry, "cpu")) return Controller{where, false};
    if (type == "cgroup2" &&
        read_file(where + "/cgroup.subtree_control").find("cpu ") != std::string::npos)
      return Controller{where, true};
  }
  return std::nullopt;
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

// One cgroup within another, for as long as this lives.
class Cgroup {
 public:
  Cgroup(const Controller& controller, std::string path)
      : unified_(controller.unified), path_(std::move(path)) {
    made_ = mkdir(path_.c_str(), 0755) == 0;
  }
  ~Cgroup() {
    if (made_) until([&] { return rmdir(path_.c_str()) == 0; }, 5s);
  }
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool limit_to(int hundredths) const {
    const std::string quota = std::to_string(hundredths * 1'000);
    return made_ && (unified_ ? write_file(path_ + "/cpu.max", quota + " 100000")
                              : write_file(path_ + "/cpu.cfs_quota_us", quota));
  }
  [[nodiscard]] bool take(pid_t pid) const {
    return write_file(path_ + "/cgroup.procs", std::to_string(pid));
  }
  [[nodiscard]] uint64_t stat(const std::string& wanted) const {
    std::istringstream words(read_file(path_ + "/cpu.stat"));
    std::string name;
    for (uint64_t value = 0; words >> name >> value;)
      if (name == wanted) return value;
    return 0;
  }

 private:
  bool unified_, made_ = false;
  std::string path_;
};

}  // namespace

TEST_CASE("the tightest CPU limit above a process is told, and how often it didn't last") {
  const auto controller = cpu_controller();
  if (!controller) SKIP_TEST("no hierarchy with the CPU controller is mounted");
  const std::string name = controller->mount + "/timeslice-test-" + std::to_string(getpid());
  const Cgroup outer(*controller, name);
  if (controller->unified) (void)write_file(name + "/cgroup.subtree_control", "+cpu");
  const Cgroup inner(*controller, name + "/inner");
  if (!outer.limit_to(20)) SKIP_TEST("no CPU limit may be set here");
  const Child spinner([] {
    for (;;) asm volatile("");
  });
  const auto tgid = static_cast<uint32_t>(spinner.pid());
  const auto without = cpu_limits(tgid).quota;
  CHECK((!without || *without > 0.2));
  REQUIRE(inner.take(spinner.pid()));
  CHECK(cpu_limits(tgid).quota == Approx(0.2));
  REQUIRE(inner.limit_to(10));
  CHECK(cpu_limits(tgid).quota == Approx(0.1));
  REQUIRE(until([&] { return cpu_limits(tgid).throttled_periods >= 3; }));
  spinner.signal(SIGSTOP);
  // It may still have a period to go: then neither number moves any more.
  REQUIRE(until([&] {
    const uint64_t before = inner.stat("nr_periods");
    const CpuLimitsNow now = cpu_limits(tgid);
    return inner.stat("nr_periods") == before && now.periods == before &&
           now.throttled_periods == inner.stat("nr_throttled");
  }));
  spinner.signal(SIGKILL);
}

TEST_CASE("the CPUs that a process may run on are counted, and those of nobody are not known") {
  cpu_set_t set;
  REQUIRE(sched_getaffinity(0, sizeof(set), &set) == 0);
  CHECK(cpu_limits(static_cast<uint32_t>(getpid())).cpus == static_cast<uint32_t>(CPU_COUNT(&set)));
  const Child pinned([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof(one), &one);
    pause();
  });
  CHECK(until([&] { return cpu_limits(static_cast<uint32_t>(pinned.pid())).cpus == 1; }));
  CHECK(cpu_limits(4'194'304).cpus == 0);
}

}  // namespace timeslice::observe
