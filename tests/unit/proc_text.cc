// SPDX-License-Identifier: MIT
// Is a file under /proc read whole, however long it is?
#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/unique_fd.h"
#include "observe/core_idle.h"
#include "observe/proc_files.h"
#include "observe/stream.h"
#include "observe/whole_file.h"
#include "tests/catch.h"

using namespace timeslice;

namespace {

// A file in memory, by its path.
struct MadeFile {
  explicit MadeFile(const std::string& text) : fd(memfd_create("made", MFD_CLOEXEC)) {
    REQUIRE(write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd.get()); }
  UniqueFd fd;
};

// A directory with one file in it, as a thread's.
struct MadeStatus {
  explicit MadeStatus(const std::string& text) {
    char made[] = "/tmp/timeslice-status-XXXXXX";
    REQUIRE(mkdtemp(made) != nullptr);
    path = made;
    std::ofstream(path + "/status") << text;
    dir = UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~MadeStatus() {
    unlink((path + "/status").c_str());
    rmdir(path.c_str());
  }
  std::string path;
  UniqueFd dir;
};

ts_thread_row status_row(int dir) {
  ts_thread_row row{};
  observe::read_status(dir, row);
  return row;
}

}  // namespace

TEST_CASE("a file is read completely, at the edges of the buffer as well") {
  std::string text;
  for (const size_t size : {0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 300'000}) {
    std::string made(size, 'x');
    if (size > 0) made.back() = 'y';
    const MadeFile file(made);
    for (const auto end : {observe::End::nothing_left, observe::End::short_read}) {
      CHECK(observe::read_whole(file.fd.get(), text, end) == 0);
      CHECK(text == made);
      std::string fresh;
      CHECK(observe::read_whole(file.fd.get(), fresh, end) == 0);
      CHECK(fresh == made);
    }
  }
  CHECK(observe::read_whole(-1, text) == -EBADF);
  CHECK(text.empty());
}

TEST_CASE("a machine with 2,000 CPUs has 2,000") {
  std::ostringstream stat;
  stat << "cpu  1 1 1 1 1 1 1 1 0 0\n";
  for (int cpu = 0; cpu < 2000; ++cpu)
    stat << "cpu" << cpu << " 123456789 1 123456789 " << cpu << " 5 123456789 1 1 0 0\n";
  stat << "intr 1 2 3\nctxt 4\n";
  const MadeFile file(stat.str());
  observe::CoreIdle idle(file.path().c_str());
  for (int round = 0; round < 2; ++round) {
    const auto& cores = idle.read();
    REQUIRE(cores.size() == 2000);
    const uint64_t tick_ns = 1'000'000'000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
    CHECK(cores.back().cpu == 1999);
    CHECK(cores.back().idle_ns == 2004 * tick_ns);
  }
}

TEST_CASE("switches of a thread with any number of groups are the kernel's, or absent") {
  // Cut by a page anywhere, its numbers included.
  for (size_t length = 3950; length < 4150; ++length) {
    std::string text = "Name:\tx\nGroups:\t" + std::string(length - 16, '7') +
                       "\nvoluntary_ctxt_switches:\t300412\nnonvoluntary_ctxt_switches:\t34567\n";
    const MadeStatus whole(text);
    const ts_thread_row row = status_row(whole.dir.get());
    REQUIRE((row.record.have & TS_HAVE_SWITCHES) != 0);
    REQUIRE(row.nvcsw == 300412);
    REQUIRE(row.nivcsw == 34567);
  }
  const std::string full =
      "Name:\tx\nvoluntary_ctxt_switches:\t3004\nnonvoluntary_ctxt_switches:\t34\n";
  for (size_t length = 0; length < full.size(); ++length) {
    const MadeStatus cut(full.substr(0, length));
    CHECK((status_row(cut.dir.get()).record.have & TS_HAVE_SWITCHES) == 0);
  }
}

TEST_CASE("a real thread of many groups has its switches") {
  if (geteuid() != 0) SKIP_TEST("only root can have other groups");
  for (const size_t groups : {10, 380, 400, 1000, 20'000}) {
    const pid_t child = fork();
    if (child == 0) {
      std::vector<gid_t> all(groups);
      for (size_t i = 0; i < groups; ++i) all[i] = static_cast<gid_t>(100'000 + i);
      if (setgroups(all.size(), all.data()) != 0) _exit(97);
      const UniqueFd self(open("/proc/thread-self", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      const ts_thread_row row = status_row(self.get());
      _exit((row.record.have & TS_HAVE_SWITCHES) != 0 ? 0 : 98);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CAPTURE(groups);
    CHECK(WEXITSTATUS(status) != 98);
    if (WEXITSTATUS(status) == 97) SKIP_TEST("no groups can be set here");
  }
}

TEST_CASE("a recorder's rings fit the machine") {
  CHECK(observe::ring_bytes_for(1) == 4 << 20);
  CHECK(observe::ring_bytes_for(64) == 4 << 20);
  CHECK(observe::ring_bytes_for(65) == 2 << 20);
  CHECK(observe::ring_bytes_for(128) == 2 << 20);
  CHECK(observe::ring_bytes_for(1000) == 256 << 10);
  CHECK(observe::ring_bytes_for(8192) == 256 << 10);
}
