// SPDX-License-Identifier: MIT
// What do we attach to the kernel, and is it all gone when we are? Asked of the kernel's own lists
// of BPF programs, maps and links.
#include <linux/bpf.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "tests/catch.h"
#include "tests/live/bpf_objects.h"
#include "tests/live/top_json.h"

namespace timeslice::live {

namespace {

struct Attached {
  std::vector<BpfProgram> programs;
  std::vector<uint32_t> links;

  [[nodiscard]] size_t named(const std::string& name) const {
    return static_cast<size_t>(std::count_if(programs.begin(), programs.end(),
                                             [&](const BpfProgram& p) { return p.name == name; }));
  }
  // Links that make a program run without our asking: all but an iterator's.
  [[nodiscard]] size_t hooks() const {
    return links.size() - static_cast<size_t>(
                              std::count(links.begin(), links.end(), uint32_t{BPF_LINK_TYPE_ITER}));
  }
  // One program, which runs when we call it: through an iterator's file or a system call. Where a
  // process with an event loop is in view, be it another test's, a second one looks at that.
  [[nodiscard]] bool only_a_reader() const {
    const auto looks = std::count_if(programs.begin(), programs.end(), [](const auto& program) {
      return program.name == "look_by_id" && program.type == BPF_PROG_TYPE_SYSCALL;
    });
    if (programs.size() != 1 + static_cast<size_t>(looks) || hooks() != 0) return false;
    const auto found = std::find_if(programs.begin(), programs.end(), [](const auto& program) {
      return program.name != "look_by_id";
    });
    if (found == programs.end()) return false;
    const BpfProgram& reader = *found;
    return (reader.name == "read_threads" && reader.type == BPF_PROG_TYPE_TRACING &&
            links.size() == 1) ||
           (reader.name == "walk_threads" && reader.type == BPF_PROG_TYPE_SYSCALL && links.empty());
  }
  [[nodiscard]] std::string text() const {
    std::string text;
    for (const BpfProgram& p : programs)
      text += p.name + " of type " + std::to_string(p.type) + " ";
    return text + "and " + std::to_string(links.size()) + " links";
  }
};

Attached attached_since(const BpfIds& before, pid_t pid) {
  const BpfIds ids = bpf_ids_since(before, pid);
  return {programs_in(ids), link_types_in(ids)};
}

// The kernel frees what was closed a little later, by RCU and by a worker.
bool all_gone(const BpfIds& before) {
  return until([&] { return bpf_ids_since(before, 0).empty(); });
}

// Two frames have come: what is loaded to try features out is gone by then.
void see_it_run(Command& command) {
  REQUIRE(command.line());
  REQUIRE(command.line());
}

// Grandchildren that outlive their parent become our children, and show in wait.
bool no_process_left() { return waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

}  // namespace

TEST_CASE("count mode attaches nothing: its one program only runs when it is read") {
  const BpfIds before = bpf_ids();
  Command command(top({"--json", "-d", "0.05"}));
  see_it_run(command);
  // Probes that another tool closed a moment ago may still be in the list: so until they are gone.
  Attached attached;
  until([&] {
    attached = attached_since(before, command.pid());
    return attached.only_a_reader();
  });
  INFO(attached.text());
  CHECK(attached.only_a_reader());
  command.signal(SIGTERM);
  CHECK(command.finish().status == 0);
  CHECK(all_gone(before));
}

TEST_CASE("aggregate mode attaches its probes, and detaches all of them when it ends") {
  const BpfIds before = bpf_ids();
  Command command(top({"--json", "-d", "0.05", "--probes", "sched"}));
  see_it_run(command);
  const Attached attached = attached_since(before, command.pid());
  INFO(attached.text());
  CHECK(attached.hooks() >= 3);  // else the test above would prove nothing
  CHECK(attached.programs.size() >= 4);
  CHECK(attached.named("read_threads") + attached.named("walk_threads") == 1);
  command.signal(SIGTERM);
  CHECK(command.finish().status == 0);
  CHECK(all_gone(before));
}

TEST_CASE("a killed top leaves nothing attached") {
  const BpfIds before = bpf_ids();
  Command command(top({"--json", "-d", "0.05", "--probes", "sched"}));
  see_it_run(command);
  CHECK_FALSE(bpf_ids_since(before, command.pid()).empty());
  command.signal(SIGKILL);
  CHECK(command.finish().status == 128 + SIGKILL);
  CHECK(all_gone(before));
}

TEST_CASE("twenty starts in a row leave no program, map, link or process behind") {
  REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  const BpfIds before = bpf_ids();
  for (int i = 0; i < 20; ++i) {
    const std::string probes = i % 2 == 0 ? "none" : "sched";
    const Outcome outcome = run(top({"--json", "-n", "1", "-d", "0.05", "--probes", probes}));
    CHECK(outcome.status == 0);
    CHECK(outcome.err.empty());
    CHECK(no_process_left());
  }
  CHECK(all_gone(before));
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace timeslice::live
