// SPDX-License-Identifier: MIT
#include "labs/06-hidden-threads/our_loop.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "loop/core/loop.h"
#include "loop/core/options.h"

namespace timeslice::labs::hidden_threads {

namespace {

std::string names_of_threads() {
  std::string names;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "comm");
    std::string name;
    if (file >> name) names += ' ' + name;  // one that has just ended has none
  }
  return names;
}

UniqueFd listener() {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!fd || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(fd.get(), 1) != 0)
    throw failure_from_errno("cannot listen", errno);
  return fd;
}

std::string steps_on(loop::BackendKind kind, unsigned pool) {
  loop::Options options;
  options.backend = kind;
  options.pool_size = pool;
  std::string said;
  const UniqueFd socket = listener();
  const UniqueFd program(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));  // in memory, since it runs
  if (!program) throw failure_from_errno("cannot open our own program", errno);
  char byte = 0;
  struct statx about;
  loop::Request accepting, asking;  // outlive the loop that they are in flight on
  loop::Loop loop(options);
  const auto say = [&](const char* step) {
    said += std::string("ours ") + loop.backend_name() + ' ' + step + names_of_threads() + '\n';
  };
  say("idle");
  loop.accept(accepting, socket.get(), [](loop::Request&) {});
  loop.set_immediate([&] {
    say("listen");
    loop.read(asking, program.get(), &byte, 1, 0, [&](loop::Request&) {
      say("read");
      loop.stat(asking, "/proc/self/exe", 0, &about, [&](loop::Request&) {
        say("stat");
        loop.stop();
      });
    });
  });
  loop.run();
  return said;
}

}  // namespace

std::string threads_of_our_loop(unsigned pool) {
  return steps_on(loop::BackendKind::pool, pool) + steps_on(loop::BackendKind::uring, pool);
}

}  // namespace timeslice::labs::hidden_threads
