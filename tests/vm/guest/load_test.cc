// SPDX-License-Identifier: MIT
// Can the module be loaded and unloaded without a trace, whatever happens meanwhile?
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "observe/source.h"
#include "tests/live/looking.h"
#include "tests/live/storm.h"
#include "tests/live/workloads.h"
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

namespace {

// As hackbench does it: processes that talk through pipes, as fast as they can, until they are told
// to end.
class Chatter {
 public:
  explicit Chatter(int pairs) {
    for (int i = 0; i < pairs; ++i) {
      auto there = std::make_shared<live::Pipe>(), back = std::make_shared<live::Pipe>();
      players_.push_back(std::make_unique<live::Child>(
          [=] { live::play_ping_pong(*back, *there, 1 << 30, true); }));
      players_.push_back(std::make_unique<live::Child>(
          [=] { live::play_ping_pong(*there, *back, 1 << 30, false); }));
    }
  }

 private:
  std::vector<std::unique_ptr<live::Child>> players_;
};

bool has_line(KernelLog& log, const std::string& text) {
  for (const std::string& line : log.lines())
    if (line.find(text) != std::string::npos) return true;
  return false;
}

}  // namespace

VM_TEST_CASE("one line in the log at load, and one at unload") {
  KernelLog log;
  {
    const Module module("stream=1");
    CHECK(has_line(log, "timeslice: observing"));
    CHECK(::access("/proc/timeslice/threads", R_OK) == 0);
    CHECK(::access("/sys/kernel/debug/timeslice/stream0", R_OK) == 0);
  }
  CHECK(has_line(log, "timeslice: unloaded"));
  CHECK(::access("/proc/timeslice", F_OK) != 0);
  CHECK(::access("/sys/kernel/debug/timeslice", F_OK) != 0);
}

VM_TEST_CASE("loading it twice is refused, and does no harm") {
  const Module module;
  CHECK(load_module() == -EEXIST);
  CHECK(live::read_file(kThreads).find("timeslice 1 threads") == 0);
}

VM_TEST_CASE("the self-test passes") {
  KernelLog log;
  const Module module("selftest=1");
  CHECK(has_line(log, "timeslice: selftest passed"));
}

VM_TEST_CASE("a hundred loads and unloads under pipe traffic and forks") {
  const Chatter chatter(4);
  live::Storm storm(200);
  // A kernel with every check is some ten times slower.
  const int loads = std::getenv("SLOW") ? 20 : 100;
  for (int i = 0; i < loads; ++i) {
    REQUIRE(load_module(i % 2 ? "stream=1" : "") == 0);
    REQUIRE(unload_module() == 0);
  }
  CHECK(storm.stop() > 0);
}

VM_TEST_CASE("unloading while its files are read and mapped, under a fork storm") {
  live::Storm storm(500);
  std::vector<std::jthread> readers;
  for (const std::string& path : {kThreads, kCores})
    readers.emplace_back([path](const std::stop_token& stop) {
      while (!stop.stop_requested()) read_in_steps(path, 700);
    });
  for (int i = 0; i < (std::getenv("SLOW") ? 5 : 20); ++i) {
    REQUIRE(load_module("stream=1") == 0);
    const UniqueFd stream(::open("/sys/kernel/debug/timeslice/stream0", O_RDONLY | O_CLOEXEC));
    REQUIRE(stream);
    constexpr size_t kSize = 16 * 64 * 1024;
    void* mapped = ::mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE, stream.get(), 0);
    // Before 5.11 relay would call the module back at the mapping's end: there is none (stream.c).
    REQUIRE((mapped != MAP_FAILED) == (kernel_version() >= 0x050b00));
    REQUIRE(unload_module() == 0);
    char byte;
    CHECK(::read(stream.get(), &byte, 1) <= 1);
    if (mapped == MAP_FAILED) continue;
    CHECK(*static_cast<volatile char*>(mapped) >= -128);  // the page is still ours to touch
    ::munmap(mapped, kSize);
  }
  readers.clear();
  CHECK(storm.stop() > 0);
}

VM_TEST_CASE("a file opened before the unload can't be read afterwards") {
  REQUIRE(load_module() == 0);
  const UniqueFd fd(::open(kThreads.c_str(), O_RDONLY | O_CLOEXEC));
  char part[256];
  REQUIRE(::read(fd.get(), part, sizeof part) > 0);
  REQUIRE(unload_module() == 0);
  CHECK(::read(fd.get(), part, sizeof part) < 0);
}

VM_TEST_CASE("parameters out of range are refused with a message") {
  for (const char* wrong : {"max_threads=3", "max_threads=99999999", "stream_kib=1",
                            "stream_kib=100000", "stream_buffers=1"}) {
    INFO(wrong);
    KernelLog log;
    CHECK(load_module(wrong) == -EINVAL);
    CHECK(has_line(log, "out of range"));
  }
  CHECK(load_module("enabled=maybe") == -EINVAL);
}

VM_TEST_CASE("the stream's memory is allocated on demand, and a lack of it affects nothing else") {
  KernelLog log;
  const auto has_stream = [] { return ::access("/sys/kernel/debug/timeslice", F_OK) == 0; };
  {
    const Module module;
    CHECK_FALSE(has_stream());
    CHECK(set_parameter("stream", "1") == 0);
    CHECK(has_stream());
  }
  // Buffers of 4 MiB, 1024 of them per CPU: more than the guest has.
  const std::string too_much = "stream_kib=4096 stream_buffers=1024";
  for (const std::string& parameters : {too_much, too_much + " stream=1"}) {
    INFO(parameters);
    const Module module(parameters);
    CHECK(has_line(log, "timeslice: no stream") == (parameters != too_much));
    CHECK(parameter("stream") == "N");
    CHECK(live::read_file(kThreads).find("timeslice 1 threads") == 0);
    CHECK(set_parameter("stream", "1") == -ENOMEM);
    CHECK(has_line(log, "timeslice: no stream"));
    CHECK(parameter("stream") == "N");
    CHECK_FALSE(has_stream());
  }
}

// In a boot of its own (tests/vm/run.sh), in which nothing else uses the scheduler's tracepoints:
// the kernel patches its code at their sites when the module is loaded, and when it is unloaded.
TEST_CASE("as the tracepoints' only user the module loads, counts and unloads", "[.][alone]") {
  KernelLog log;
  for (int i = 0; i < 5; ++i) {
    const Module module("stream=1");
    const live::Cast cast = live::pinned_ping_pong();
    run_together(cast);
    const auto source = observe::open_kmod_source(tgids_of(cast));
    const ts_sched_row* row = live::sched_of(source->read(), cast[0]->tids()[0]);
    REQUIRE(row != nullptr);
    CHECK(row->voluntary + row->involuntary >= 499);  // the other one had the CPU in each round
    CHECK(row->missed == 0);
  }
  CHECK_FALSE(module_is_loaded());
  CHECK(complaints(log) == std::string());
}

}  // namespace timeslice::vm
