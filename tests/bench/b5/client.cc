// SPDX-License-Identifier: MIT
// Who plays the clients of the echo servers? This one, the same for all: it starts the server,
// reads its port, and sends 64 bytes on each connection whenever the last 64 have come back.
//   client echo ROUND_TRIPS CONNECTIONS CPUS SERVER…
//     The server's figures, but the ns are the client's own, and one figure more: the client's CPU
//     ns per round trip, which tells who is the limit. CPUS is "SERVER'S,OURS", or - for any.
//   client idle CONNECTIONS - - SERVER…
//     Bytes of the server's memory and of the kernel's slabs (both ends') per connection that has
//     been used once and is idle.
#include <liburing.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>
#include <string>
#include <vector>

#include "loop/core/net.h"
#include "works.h"

namespace {

using b5::must;

// The server as a child with its output in a pipe. It ends by itself when we have gone.
class Server {
 public:
  Server(char** command, const b5::Cpus& cpus) {
    int pipe[2];
    must(::pipe2(pipe, O_CLOEXEC), "pipe");
    pid_ = must(::fork(), "fork");
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a client that fails leaves nobody behind
      cpus.pin_first();
      must(::dup2(pipe[1], STDOUT_FILENO), "dup2");
      ::execvp(command[0], command);
      b5::die(command[0]);
    }
    ::close(pipe[1]);
    says_ = ::fdopen(pipe[0], "r");
    if (std::fscanf(says_, "%d", &port_) != 1) std::exit(wait());
    std::fgetc(says_);  // its line's end
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int connect() const {
    const int fd = timeslice::loop::connect_to_loopback(static_cast<std::uint16_t>(port_));
    if (fd < 0) b5::die("connect", -fd);
    timeslice::loop::set_no_delay(fd);
    return fd;
  }
  [[nodiscard]] std::string last_line() const {
    char line[512] = "";
    if (!std::fgets(line, sizeof line, says_)) b5::die("the server said nothing", EPIPE);
    return {line, std::strcspn(line, "\n")};
  }
  [[nodiscard]] int wait() const {
    int status = 0;
    must(::waitpid(pid_, &status, 0), "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  }

 private:
  pid_t pid_ = -1;
  int port_ = 0;
  std::FILE* says_ = nullptr;
};

char message[b5::kMessage] = "sixty-four bytes";

void say(int fd) {
  if (::send(fd, message, sizeof message, MSG_NOSIGNAL) != sizeof message) b5::die("send");
}

void hear(int fd) {
  char back[b5::kMessage];
  if (::recv(fd, back, sizeof back, MSG_WAITALL) != sizeof back) b5::die("recv");
}

// One connection needs no epoll: the client should cost as little as it can.
void one_by_one(int fd, long round_trips) {
  for (long i = 0; i < round_trips; ++i) {
    say(fd);
    hear(fd);
  }
}

// Many connections go through a ring of our own: it costs less than any of the servers, so that it
// is the server that sets the pace.
class ManyConnections {
 public:
  ManyConnections(const std::vector<int>& fds, long round_trips)
      : fds_(fds), left_(round_trips), answers_(fds.size() * b5::kMessage) {
    const unsigned flags =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL;
    const int error = ::io_uring_queue_init(kEntries, &ring_, flags);
    if (error < 0) b5::die("io_uring_queue_init", -error);
  }
  ~ManyConnections() { ::io_uring_queue_exit(&ring_); }
  ManyConnections(const ManyConnections&) = delete;
  ManyConnections& operator=(const ManyConnections&) = delete;

  void run() {
    for (std::size_t i = 0; i < fds_.size(); ++i) next(i);
    while (in_flight_ > 0) turn();
  }

 private:
  static constexpr unsigned kEntries = 256;

  io_uring_sqe* sqe(std::size_t connection) {
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
    if (!entry) b5::die("too many connections for the client's ring", ENOBUFS);
    entry->user_data = connection;
    return entry;
  }
  void next(std::size_t connection) {
    if (left_-- <= 0) return;
    ++in_flight_;
    io_uring_sqe* out = sqe(connection);
    ::io_uring_prep_send(out, fds_[connection], message, sizeof message, MSG_NOSIGNAL);
    out->user_data = connection;
    out->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe* in = sqe(connection);
    ::io_uring_prep_recv(in, fds_[connection], &answers_[connection * b5::kMessage], b5::kMessage,
                         MSG_WAITALL);
    in->user_data = connection;
  }
  void turn() {
    ::io_uring_submit_and_wait(&ring_, 1);
    unsigned head;
    unsigned count = 0;
    io_uring_cqe* cqe;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      ++count;
      if (cqe->res != static_cast<int>(b5::kMessage)) b5::die("an answer", EIO);
      --in_flight_;
      next(cqe->user_data);
    }
    ::io_uring_cq_advance(&ring_, count);
  }

  const std::vector<int>& fds_;
  long left_;
  long in_flight_ = 0;
  std::vector<char> answers_;
  io_uring ring_{};
};

std::vector<int> connections(const Server& server, long count) {
  std::vector<int> fds(static_cast<std::size_t>(count));
  for (int& fd : fds) {
    fd = server.connect();
    one_by_one(fd, 1);
  }
  return fds;
}

// The server's line with our time in place of its own, and our CPU time at the end.
void print(const std::string& servers, std::uint64_t ns, std::uint64_t cpu_ns, long round_trips) {
  const auto per = static_cast<double>(round_trips);
  std::printf("%.6g%s\t%.6g\n", static_cast<double>(ns) / per,
              servers.substr(servers.find('\t')).c_str(), static_cast<double>(cpu_ns) / per);
}

int echo(long round_trips, long count, const b5::Cpus& cpus, char** command) {
  const Server server(command, cpus);
  cpus.pin_second();
  const std::vector<int> fds = connections(server, count);
  const std::uint64_t begin = timeslice::monotonic_ns();
  const std::uint64_t cpu = timeslice::clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  if (count == 1)
    one_by_one(fds.front(), round_trips);
  else
    ManyConnections(fds, round_trips).run();
  const std::uint64_t cpu_ns = timeslice::clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  const std::uint64_t ns = timeslice::monotonic_ns() - begin;
  for (const int fd : fds) ::close(fd);
  print(server.last_line(), ns, cpu_ns, round_trips);
  return server.wait();
}

// A line "NAME:   123 kB" of a file in /proc, in bytes.
long bytes_of(const std::string& path, const char* name) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (!file) b5::die(path.c_str());
  char line[256];
  long kib = -1;
  while (kib < 0 && std::fgets(line, sizeof line, file))
    if (std::strncmp(line, name, std::strlen(name)) == 0)
      std::sscanf(line + std::strlen(name), ": %ld", &kib);
  std::fclose(file);
  return kib * 1024;
}

int idle(long count, char** command) {
  const Server server(command, b5::Cpus(""));
  const std::string status = "/proc/" + std::to_string(server.pid()) + "/status";
  const int first = server.connect();  // what the first one brings is not an idle one's
  one_by_one(first, 1);
  const long rss = bytes_of(status, "VmRSS");
  const long slab = bytes_of("/proc/meminfo", "Slab");
  const std::vector<int> fds = connections(server, count);
  std::printf("%ld\t%ld\n", (bytes_of(status, "VmRSS") - rss) / count,
              (bytes_of("/proc/meminfo", "Slab") - slab) / count);
  // Reset instead of closed: else 10,000 ports would stay in TIME_WAIT for a minute.
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  for (const int fd : fds) {
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(fd);
  }
  ::close(first);
  static_cast<void>(server.last_line());
  return server.wait();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) b5::die("client echo|idle COUNT CONNECTIONS CPUS SERVER…", EINVAL);
  const b5::Cpus cpus(argv[4]);
  if (std::string_view(argv[1]) == "idle") return idle(std::atol(argv[2]), argv + 5);
  return echo(std::atol(argv[2]), std::atol(argv[3]), cpus, argv + 5);
}
