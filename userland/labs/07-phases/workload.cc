// SPDX-License-Identifier: MIT
// The first program twice: on our own loop, which says in which phase it is, and in Node. Then the
// second one, which workload.js starts many times.
#include <fcntl.h>

#include <array>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "labs/07-phases/lab.h"
#include "labs/parts/node_program.h"
#include "labs/parts/workload_output.h"
#include "loop/core/loop.h"
#include "loop/core/options.h"
#include "loop/core/timer.h"

namespace timeslice::labs::phases {

namespace {

// Lines "loop PHASE CALLBACK", in the order in which they ran.
std::string run_on_our_loop(const std::string& path) {
  loop::Options options;
  options.backend = loop::BackendKind::pool;  // as Node has it: threads read files
  loop::Loop loop(options);
  const char* phase = "";
  std::string said;
  const auto ran = [&](const char* name) {
    said += std::string("loop ") + phase + ' ' + name + '\n';
  };

  // Who is called in each turn knows which phase comes next.
  loop::Hook before_poll(loop, loop::Phase::prepare, [&] { phase = "poll"; });
  loop::Hook begin_check(loop, loop::Phase::check, [&] {
    phase = "check";
    loop.at_close([&] { phase = "timers"; });
  });
  before_poll.start();
  begin_check.start();

  loop::Timer timeout(loop, [&] {
    ran("timeout");
    loop.stop();
  });
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw Failure("cannot open " + path);
  std::array<char, 4096> data;
  loop::Request request;
  loop.read(request, file.get(), data.data(), data.size(), 0, [&](loop::Request&) {
    timeout.start(loop::Nanoseconds{0});
    loop.set_immediate([&] { ran("immediate"); });
    loop.queue_microtask([&] { ran("promise"); });
    loop.next_tick([&] { ran("nextTick"); });
    ran("readFile");
  });
  loop.run();
  return said;
}

}  // namespace

int workload(const Setting& setting) {
  const std::string ours = run_on_our_loop(setting.directory + "/workload.js");
  const std::string runs = std::to_string(setting.parameters.at("runs"));
  return write_output(ours + run_node(setting, {{runs}, {"NODE_OPTIONS="}}));
}

}  // namespace timeslice::labs::phases
