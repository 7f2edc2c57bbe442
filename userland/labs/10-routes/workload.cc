// SPDX-License-Identifier: MIT
// Four things are done on each back end of our own loop, one after the other and one at a time:
// reading from a socket, reading a file, reading one of /proc, and looking up a host's name.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/failure.h"
#include "base/unique_fd.h"
#include "labs/10-routes/lab.h"
#include "labs/parts/rounds.h"
#include "labs/parts/workload_output.h"
#include "loop/core/loop.h"
#include "loop/io/resolve.h"

namespace timeslice::labs::routes {

namespace {

constexpr size_t kFileSize = 65536, kRead = 4096;
constexpr int64_t kFirst = 10;  // which start threads, and aren't counted
constexpr int64_t kShown = 6;   // of which lanes are shown

using Start = std::function<void(loop::Request&, loop::Done)>;

// The next one is started when the one before has ended. Throws Failure where one fails.
void repeat(loop::Loop& loop, int64_t times, const Start& start) {
  loop::Request request;
  std::function<void()> next = [&] {
    if (times-- == 0) return;
    start(request, [&](loop::Request& ended) {
      if (ended.result() < 0)
        throw Failure("an operation failed: " + std::string(std::strerror(-ended.result())));
      next();
    });
  };
  next();
  loop.run();
}

// "ops NAME NUMBER BEGIN END"; then some more, for the picture.
void measured(std::string& output, const std::string& name, loop::Loop& loop, int64_t times,
              const Start& start) {
  repeat(loop, kFirst, start);
  const auto begin = monotonic_ns();
  repeat(loop, times, start);
  output += "ops " + name + ' ' + std::to_string(times) + ' ' + std::to_string(begin) + ' ' +
            std::to_string(monotonic_ns()) + '\n';
  Round shown{monotonic_ns(), 0};
  repeat(loop, kShown, start);
  shown.end_ns = monotonic_ns();
  say_round(output, name, shown);
}

// The other end of the socket: sends back each byte that it gets, until there are no more.
void echo(int fd) {
  prctl(PR_SET_NAME, "lab-peer");
  for (char byte = 0; read(fd, &byte, 1) == 1;)
    if (write(fd, &byte, 1) != 1) return;
}

class Peer {
 public:
  Peer() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw failure_from_errno("cannot make a pair of sockets", errno);
    ours_ = UniqueFd(ends[0]);
    its_ = UniqueFd(ends[1]);
    thread_ = std::thread(echo, its_.get());
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() {
    shutdown(ours_.get(), SHUT_RDWR);
    thread_.join();
  }
  [[nodiscard]] int fd() const { return ours_.get(); }

 private:
  UniqueFd ours_, its_;
  std::thread thread_;
};

UniqueFd file_in_the_page_cache(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const std::vector<char> data(kFileSize, 'x');
  if (write(file.get(), data.data(), data.size()) != static_cast<ssize_t>(data.size()))
    throw failure_from_errno("cannot write " + path, errno);
  return file;
}

void try_out(std::string& output, const std::string& name, loop::BackendKind kind, int64_t times,
             int file, int of_proc) {
  loop::Options options;
  options.backend = kind;
  loop::Loop loop(options);
  output += "backend " + name + ' ' + loop.backend_name() + '\n';
  const Peer peer;
  char byte = 'o';
  std::vector<char> data(kRead);
  std::vector<loop::Endpoint> addresses;
  measured(output, name + "-socket", loop, times, [&](loop::Request& request, loop::Done done) {
    if (write(peer.fd(), &byte, 1) != 1) throw Failure("the other end doesn't listen");
    loop.recv(request, peer.fd(), &byte, 1, std::move(done));
  });
  measured(output, name + "-file", loop, times, [&](loop::Request& request, loop::Done done) {
    loop.read(request, file, data.data(), data.size(), 0, std::move(done));
  });
  measured(output, name + "-proc", loop, times, [&](loop::Request& request, loop::Done done) {
    loop.read(request, of_proc, data.data(), data.size(), 0, std::move(done));
  });
  measured(output, name + "-name", loop, times, [&](loop::Request& request, loop::Done done) {
    loop::resolve(loop, request, "localhost", "", {.type = SOCK_STREAM}, addresses,
                  std::move(done));
  });
}

}  // namespace

int workload(const Setting& setting) {
  prctl(PR_SET_NAME, "lab-loop");
  const int64_t times = setting.parameters.at("times");
  const UniqueFd file = file_in_the_page_cache(setting.directory + "/file");
  const UniqueFd of_proc(open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  std::string output;
  try_out(output, "pool", loop::BackendKind::pool, times, file.get(), of_proc.get());
  try_out(output, "uring", loop::BackendKind::uring, times, file.get(), of_proc.get());
  try_out(output, "blocking", loop::BackendKind::blocking, times, file.get(), of_proc.get());
  return write_output(output);
}

}  // namespace timeslice::labs::routes
