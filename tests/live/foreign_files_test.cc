// SPDX-License-Identifier: MIT
// What can somebody do to whoever looks at his processes, who chooses their files and what stands
// beside them? Nothing: files are found as the kernel knows them, and what isn't a plain file isn't
// opened.
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "live/session.h"
#include "observe/process_facts.h"
#include "tests/catch.h"
#include "tests/live/processes.h"
#include "tests/live/top_json.h"

namespace timeslice::live {

namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

// What makes a libnode of it: node::Start, and libuv's condition variable, of a size that tells one
// from another. It says where that lies, and which epoll descriptor its default loop has.
const char* const kLibnode = R"(
#include <stdio.h>
#include <sys/epoll.h>
int _ZN4node5StartEiPPc = 1;
static char cond[SIZE] __attribute__((used)) = {1};
char default_loop_struct[848] = {1};
__attribute__((constructor)) static void tell(void) {
  *(int*)(default_loop_struct + 64) = epoll_create1(0);
  printf("%llu %d\n", (unsigned long long)cond, *(int*)(default_loop_struct + 64));
  fflush(stdout);
}
)";

// The same, but its default loop lies in a page whose owner, a userfaultfd, never brings it.
const char* const kSilent = R"(
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int _ZN4node5StartEiPPc = 1;
char default_loop_struct[8192] __attribute__((aligned(4096)));
__attribute__((constructor)) static void tell(void) {
  int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
  struct uffdio_api api = {UFFD_API};
  struct uffdio_register all = {{(unsigned long)default_loop_struct, 8192}, UFFDIO_REGISTER_MODE_MISSING};
  printf("%d -1\n", fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &all) == 0);
  fflush(stdout);
}
)";

const char* const kProgram = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n";

// Can be looked into by everybody, as a user's directory can.
struct Files : ScratchDirectory {
  Files() {
    fs::permissions(path(), fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec |
                                fs::perms::group_read | fs::perms::group_exec);
    std::ofstream(path() + "/threadpool.c") << kLibnode;
    std::ofstream(path() + "/silent.c") << kSilent;
    std::ofstream(path() + "/node.c") << kProgram;
    has_compiler = build("node.c -o node-x") && build_libnode("libnode.so.1", 48);
    fs::create_directory(path() + "/inside");
  }
  [[nodiscard]] bool build(const std::string& how) const {
    return run({"/bin/sh", "-c", "cd " + path() + " && cc -O0 " + how}).status == 0;
  }
  [[nodiscard]] bool build_libnode(const std::string& name, int cond_size) const {
    return build("-shared -fPIC -DSIZE=" + std::to_string(cond_size) + " threadpool.c -o " + name);
  }
  [[nodiscard]] bool build_silent() const {
    return build("-shared -fPIC silent.c -o libnode.so.2");
  }
  [[nodiscard]] std::string libnode() const { return path() + "/libnode.so.1"; }
  [[nodiscard]] std::string deleted_libnode() const { return libnode() + " (deleted)"; }
  bool has_compiler = false;
};

#define NEEDS_COMPILER(files) \
  if (!(files).has_compiler) SKIP_TEST("no C compiler")

// What is mapped from a file that has no path any more is found by who may follow these links only.
bool may_follow_map_files() {
  const fs::directory_iterator links("/proc/self/map_files");
  const UniqueFd file(open(links->path().c_str(), O_PATH | O_CLOEXEC));
  return static_cast<bool>(file);
}

#define NEEDS_MAP_FILES \
  if (!may_follow_map_files()) SKIP_TEST("map_files can't be followed without CAP_SYS_ADMIN")

// node-x with libnode.so.1 in it.
struct Node {
  explicit Node(const Files& files, const std::function<void()>& first = {},
                const char* libnode = "libnode.so.1")
      : command({files.path() + "/node-x"}, [&] {
          if (first) first();
          setenv("LD_PRELOAD", (files.path() + "/" + libnode).c_str(), 1);
        }) {
    const auto line = command.line();
    REQUIRE(line);
    REQUIRE(sscanf(line->c_str(), "%llu %d", &cond, &epoll_fd) == 2);
  }
  [[nodiscard]] uint32_t tgid() const { return static_cast<uint32_t>(command.pid()); }

  Command command;
  unsigned long long cond = 0;
  int epoll_fd = -1;
};

bool tells(const ts_process_facts& facts, const Node& node, uint64_t cond_size) {
  CAPTURE(facts.runtime, facts.pool_cond, facts.pool_cond_size, facts.loop_epoll_fd, node.cond);
  CHECK(facts.runtime == TS_RUNTIME_NODE);
  CHECK(facts.runtime_proven == 1);
  CHECK(facts.pool_cond == node.cond);
  CHECK(facts.pool_cond_size == cond_size);
  CHECK(facts.loop_epoll_fd == node.epoll_fd);
  return facts.pool_cond == node.cond && facts.pool_cond_size == cond_size;
}

ts_process_facts look_up(const Node& node) { return observe::ProcessLookUp().look_up(node.tgid()); }

void become_nobody() {
  if (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(97);
}

// Its own /inside/libnode.so.1 stands where others see another, or none.
void enter_container(const Files& files) {
  if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount((files.path() + "/inside/libnode.so.1").c_str(), files.libnode().c_str(), nullptr,
            MS_BIND, nullptr) != 0)
    _exit(97);
}

// top and record look at everything, so also at this one.
void check_goes_on(std::vector<std::string> arguments) {
  const Outcome outcome = run(std::move(arguments));
  CAPTURE(outcome.err);
  CHECK(outcome.status == 0);
}

}  // namespace

TEST_CASE("a libnode is found by its mapping, and its objects where they were loaded") {
  const Files files;
  NEEDS_COMPILER(files);
  const Node node(files);
  CHECK(tells(look_up(node), node, 48));
}

TEST_CASE("a FIFO in place of a libnode isn't opened: top, record and roles keep working") {
  const Files files;
  NEEDS_COMPILER(files);
  NEEDS_MAP_FILES;
  const Node node(files);
  REQUIRE(unlink(files.libnode().c_str()) == 0);
  REQUIRE(mkfifo(files.deleted_libnode().c_str(), 0666) == 0);
  REQUIRE(mkfifo(files.libnode().c_str(), 0666) == 0);
  CHECK(tells(look_up(node), node, 48));
  const std::string pid = std::to_string(node.tgid());
  check_goes_on(top({"-b", "-n", "1", "-d", "0.1", "-p", pid}));
  check_goes_on({timeslice(), "record", "-q", "-p", pid, "--seconds", "0.2", "-o",
                 files.path() + "/r.pftrace"});
}

TEST_CASE("a file that replaced a mapped one isn't mistaken for it, nor is a link's target") {
  const Files files;
  NEEDS_COMPILER(files);
  NEEDS_MAP_FILES;
  REQUIRE(files.build_libnode("other", 56));
  const Node node(files);
  REQUIRE(unlink(files.libnode().c_str()) == 0);
  REQUIRE(symlink("other", files.deleted_libnode().c_str()) == 0);
  CHECK(tells(look_up(node), node, 48));
  REQUIRE(rename((files.path() + "/other").c_str(), files.deleted_libnode().c_str()) == 0);
  CHECK(tells(look_up(node), node, 48));
}

TEST_CASE("a container's libnode is its own, not the file at that path outside") {
  const Files files;
  NEEDS_COMPILER(files);
  NEEDS_MAP_FILES;
  if (geteuid() != 0) SKIP_TEST("it needs root to mount");
  REQUIRE(files.build_libnode("inside/libnode.so.1", 56));
  const Node node(files, [&] { enter_container(files); });
  CHECK(tells(look_up(node), node, 56));
}

TEST_CASE("without privileges a user's own libnode is found, and no other file in its place") {
  const Files files;
  NEEDS_COMPILER(files);
  if (geteuid() != 0) SKIP_TEST("it needs root to become somebody else");
  REQUIRE(files.build_libnode("other", 56));
  const Node node(files, become_nobody);
  const auto found = [&] {
    ts_process_facts facts{};
    const Pipe pipe;
    Child child([&] {
      become_nobody();
      facts = look_up(node);
      if (write(pipe.in.get(), &facts, sizeof(facts)) != sizeof(facts)) _exit(98);
    });
    REQUIRE(child.wait() == 0);
    REQUIRE(read_fully(pipe.out.get(), &facts, sizeof(facts)));
    return facts;
  };
  CHECK(tells(found(), node, 48));
  REQUIRE(unlink(files.libnode().c_str()) == 0);
  CHECK(found().runtime == TS_RUNTIME_UNKNOWN);
  REQUIRE(mkfifo(files.deleted_libnode().c_str(), 0666) == 0);
  CHECK(found().runtime == TS_RUNTIME_UNKNOWN);
  REQUIRE(rename((files.path() + "/other").c_str(), files.deleted_libnode().c_str()) == 0);
  CHECK(found().runtime == TS_RUNTIME_UNKNOWN);
}

TEST_CASE(
    "a process whose memory never answers blocks nothing: top ends, and others get their roles") {
  const Files files;
  NEEDS_COMPILER(files);
  REQUIRE(files.build_silent());
  const Node silent(files, {}, "libnode.so.2");
  if (silent.cond != 1) SKIP_TEST("the kernel has no userfaultfd for us");
  const std::string pid = std::to_string(silent.tgid());
  check_goes_on(top({"-b", "-n", "3", "-d", "0.1", "-p", pid}));

  Command endless(top({"-b", "-d", "0.1", "-p", pid}));
  REQUIRE(endless.line());  // so it has looked at it
  endless.signal(SIGTERM);
  CHECK(endless.finish().status == 0);

  const Node other(files);
  live::Session session({.from = observe::From::proc, .tgids = {silent.tgid(), other.tgid()}});
  const auto other_is_told = [&] {
    const auto& processes = session.advance().processes;
    return std::any_of(processes.begin(), processes.end(), [&](const model::Process* process) {
      return process->tgid == other.tgid() && process->runtime == "node";
    });
  };
  CHECK(until(other_is_told));
}

TEST_CASE("a program whose file is replaced is looked up as what is running") {
  const Files files;
  NEEDS_COMPILER(files);
  REQUIRE(files.build("-fPIE -pie -DSIZE=48 threadpool.c node.c -o whole"));
  const std::string place = files.path() + "/whole";
  Command command({place});
  const auto line = command.line();
  REQUIRE(line);
  unsigned long long cond = 0;
  REQUIRE(sscanf(line->c_str(), "%llu", &cond) == 1);
  observe::ProcessLookUp files_of_processes;
  for (const bool replaced : {false, true}) {
    CAPTURE(replaced);
    const ts_process_facts facts = files_of_processes.look_up(static_cast<uint32_t>(command.pid()));
    CHECK(facts.runtime == TS_RUNTIME_NODE);
    CHECK(facts.pool_cond == cond);
    if (!replaced) fs::rename(files.path() + "/node-x", place);
  }
}

}  // namespace timeslice::live
