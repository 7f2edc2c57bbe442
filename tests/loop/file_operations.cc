// SPDX-License-Identifier: MIT
// Does each operation on files do what its system call does, and fail as that does?
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <climits>
#include <cstring>
#include <fstream>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

int status_of(Loop& loop, const std::string& path, struct statx& out) {
  return perform(loop, operations::stat(AT_FDCWD, path.c_str(), 0, &out));
}

void make_file(const std::string& path, const std::string& content = "content") {
  std::ofstream(path) << content;
}

}  // namespace

// `blocking` and `sim` wait in the call itself, on the loop's own thread.
TEST_ON_THOSE_WITH_THREADS("opening a FIFO waits for the other side, as open(2) does") {
  const TemporaryDirectory home;
  const std::string path = home / "fifo";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const bool write = GENERATE(false, true);
  CAPTURE(write);
  Request opening;
  GuardedLoop loop(options);
  int result = -1;
  loop.open(opening, path.c_str(), write ? O_WRONLY : O_RDONLY, 0,
            [&](Request& done) { result = done.result(); });
  UniqueFd other;
  Timer later(loop, [&] {
    CHECK(opening.in_flight());
    other = UniqueFd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  });
  later.start(20ms);
  loop.run();
  CHECK(UniqueFd(result));
}

TEST_ON_EACH_BACKEND("a file's life cycle, one operation after the other") {
  options.sim.faults = false;
  const TemporaryDirectory home;
  const std::string directory = home / "directory", path = directory + "/file";
  const std::string other = directory + "/renamed";
  GuardedLoop loop(options);
  struct statx status {};
  CHECK(perform(loop, operations::mkdir(directory.c_str(), 0750)) == 0);
  const int fd = perform(loop, operations::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0640));
  REQUIRE(fd >= 0);
  CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(perform(loop, operations::write(fd, "0123456789", 10, std::int64_t{0})) == 10);
  CHECK(perform(loop, operations::fsync(fd, true)) == 0);
  CHECK(perform(loop, operations::fsync(fd, false)) == 0);
  REQUIRE(status_of(loop, path, status) == 0);
  CHECK(status.stx_size == 10);
  CHECK(status.stx_mode == (S_IFREG | 0640));
  CHECK(perform(loop, operations::rename(path.c_str(), other.c_str())) == 0);
  CHECK(status_of(loop, path, status) == -ENOENT);
  std::array<char, 16> buffer{};
  CHECK(perform(loop, operations::read(fd, buffer.data(), buffer.size(), std::int64_t{4})) == 6);
  CHECK(std::string(buffer.data(), 6) == "456789");
  CHECK(perform(loop, operations::close(fd)) == 0);
  CHECK(perform(loop, operations::close(fd)) == -EBADF);
  CHECK(perform(loop, operations::unlink(directory.c_str(), AT_REMOVEDIR)) == -ENOTEMPTY);
  CHECK(perform(loop, operations::unlink(other.c_str(), 0)) == 0);
  CHECK(perform(loop, operations::unlink(directory.c_str(), AT_REMOVEDIR)) == 0);
  CHECK(status_of(loop, directory, status) == -ENOENT);
}

TEST_ON_EACH_BACKEND("several buffers are written and read by one operation") {
  options.sim.faults = false;
  const UniqueFd file = temporary_file("..........");
  std::string a = "AB", b, c = "CDE";
  const std::array<iovec, 3> out{{{a.data(), 2}, {b.data(), 0}, {c.data(), 3}}};
  GuardedLoop loop(options);
  const auto at = [](std::int64_t offset) { return offset; };
  CHECK(perform(loop, operations::writev(file.get(), out.data(), out.size(), at(3))) == 5);
  std::string first(4, '?'), second(100, '?');
  const std::array<iovec, 2> in{{{first.data(), 4}, {second.data(), 100}}};
  CHECK(perform(loop, operations::readv(file.get(), in.data(), in.size(), at(1))) == 9);
  CHECK(first + second.substr(0, 5) == "..ABCDE..");
  CHECK(perform(loop, operations::readv(file.get(), in.data(), 0, at(0))) == 0);
  const std::vector<iovec> too_many(IOV_MAX + 1);
  CHECK(perform(loop, operations::writev(file.get(), too_many.data(), too_many.size(), at(0))) ==
        -EINVAL);
  REQUIRE(::lseek(file.get(), 8, SEEK_SET) == 8);
  CHECK(perform(loop, operations::writev(file.get(), out.data(), out.size(), kCurrentPosition)) ==
        5);
  CHECK(::lseek(file.get(), 0, SEEK_CUR) == 13);
}

// Both move the one position, which is always the file's end.
TEST_ON_EACH_BACKEND("reads next to writes at the current position don't move the writes") {
  options.sim.faults = false;  // no short write, after which all is shifted
  constexpr std::uint32_t kWrites = 3000;
  const UniqueFd file = temporary_file("");
  Request reading, writing;
  std::array<char, 64> buffer{};
  std::uint32_t next = 0;
  bool right = true;
  GuardedLoop loop(options);
  const std::function<void()> read_on = [&] {
    loop.read(reading, file.get(), buffer.data(), buffer.size(), kCurrentPosition,
              [&](Request& done) {
                right &= done.result() == 0;
                if (next < kWrites) read_on();
              });
  };
  const std::function<void()> write_on = [&] {
    loop.write(writing, file.get(), &next, sizeof next, kCurrentPosition, [&](Request& done) {
      right &= done.result() == sizeof next;
      if (++next < kWrites) write_on();
    });
  };
  read_on();
  write_on();
  loop.run();
  CHECK(right);
  const std::string content = content_of(file.get());
  REQUIRE(content.size() == kWrites * sizeof next);
  for (std::uint32_t i = 0; i < kWrites && right; ++i)
    right = std::memcmp(&content[i * sizeof i], &i, sizeof i) == 0;
  CHECK(right);
}

TEST_ON_EACH_BACKEND("what can't be done with a path fails as the system call does") {
  const TemporaryDirectory home;
  const std::string file = home / "file", none = home / "none", below = home / "file/below";
  const std::string directory = home / "directory", loops = home / "loops";
  make_file(file);
  REQUIRE(::mkdir(directory.c_str(), 0700) == 0);
  REQUIRE(::symlink(loops.c_str(), loops.c_str()) == 0);
  GuardedLoop loop(options);
  struct statx status {};
  const std::string nowhere = none + "/x", too_long(PATH_MAX + 1, 'x');
  const auto open = [&](const std::string& path, int flags) {
    return perform(loop, operations::open(path.c_str(), flags, 0600));
  };
  const auto unlink = [&](const std::string& path, int flags) {
    return perform(loop, operations::unlink(path.c_str(), flags));
  };
  const auto mkdir = [&](const std::string& path) {
    return perform(loop, operations::mkdir(path.c_str(), 0700));
  };
  const auto rename = [&](const std::string& from, const std::string& to) {
    return perform(loop, operations::rename(from.c_str(), to.c_str()));
  };
  CHECK(open(none, O_RDONLY) == -ENOENT);
  CHECK(open(nowhere, O_WRONLY | O_CREAT) == -ENOENT);
  CHECK(unlink(none, 0) == -ENOENT);
  CHECK(mkdir(nowhere) == -ENOENT);
  CHECK(rename(none, file) == -ENOENT);
  CHECK(open(file, O_RDWR | O_CREAT | O_EXCL) == -EEXIST);
  CHECK(mkdir(directory) == -EEXIST);
  CHECK(open(below, O_RDONLY) == -ENOTDIR);
  CHECK(open(file, O_RDONLY | O_DIRECTORY) == -ENOTDIR);
  CHECK(status_of(loop, below, status) == -ENOTDIR);
  CHECK(mkdir(below) == -ENOTDIR);
  CHECK(unlink(file, AT_REMOVEDIR) == -ENOTDIR);
  CHECK(rename(directory, file) == -ENOTDIR);
  CHECK(open(directory, O_WRONLY) == -EISDIR);
  CHECK(unlink(directory, 0) == -EISDIR);
  CHECK(rename(file, directory) == -EISDIR);
  CHECK(open(loops, O_RDONLY) == -ELOOP);
  CHECK(open(too_long, O_RDONLY) == -ENAMETOOLONG);
}

TEST_ON_EACH_BACKEND("every operation on a descriptor that isn't open is EBADF") {
  std::array<char, 8> buffer{};
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  sockaddr address{.sa_family = AF_INET};
  struct statx status {};
  GuardedLoop loop(options);
  Buffers buffers(loop, 2, 8);
  for (const int fd : {-1, 54321}) {
    CAPTURE(fd);
    for (const std::int64_t offset : {std::int64_t{0}, kCurrentPosition}) {
      CHECK(perform(loop, operations::read(fd, buffer.data(), 8, offset)) == -EBADF);
      CHECK(perform(loop, operations::write(fd, buffer.data(), 8, offset)) == -EBADF);
      CHECK(perform(loop, operations::readv(fd, &part, 1, offset)) == -EBADF);
      CHECK(perform(loop, operations::writev(fd, &part, 1, offset)) == -EBADF);
    }
    CHECK(perform(loop, operations::fsync(fd, false)) == -EBADF);
    CHECK(perform(loop, operations::stat(fd, "", AT_EMPTY_PATH, &status)) == -EBADF);
    CHECK(perform(loop, operations::close(fd)) == -EBADF);
    CHECK(perform(loop, operations::accept(fd)) == -EBADF);
    CHECK(perform(loop, operations::connect(fd, &address, sizeof address)) == -EBADF);
    CHECK(perform(loop, operations::recv(fd, buffer.data(), 8)) == -EBADF);
    CHECK(perform(loop, operations::send(fd, buffer.data(), 8, 0)) == -EBADF);
    CHECK(perform(loop, operations::recvmsg(fd, &message)) == -EBADF);
    CHECK(perform(loop, operations::sendmsg(fd, &message)) == -EBADF);
    CHECK(perform(loop, operations::shutdown(fd, SHUT_RDWR)) == -EBADF);
    CHECK(perform(loop, operations::poll(fd, POLLIN)) == -EBADF);
    Multishot many;
    std::vector<int> results;
    const Done note = [&](Request& done) { results.push_back(done.result()); };
    loop.accept_many(many, fd, note);
    loop.run();
    loop.recv_many(many, fd, buffers, note);
    loop.run();
    CHECK(results == std::vector<int>{-EBADF, -EBADF});
  }
}

TEST_ON_EACH_BACKEND("a full device is ENOSPC") {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  REQUIRE(full);
  const iovec part{const_cast<char*>("x"), 1};
  GuardedLoop loop(options);
  for (const std::int64_t offset : {std::int64_t{0}, kCurrentPosition}) {
    CHECK(perform(loop, operations::write(full.get(), "x", 1, offset)) == -ENOSPC);
    CHECK(perform(loop, operations::writev(full.get(), &part, 1, offset)) == -ENOSPC);
  }
}

TEST_ON_EACH_BACKEND("a full file system gives a short write, then ENOSPC") {
  options.sim.faults = false;
  const TemporaryDirectory home;
  if (::unshare(CLONE_NEWNS) != 0) SKIP_TEST("without privileges there is no file system to fill");
  REQUIRE(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
  REQUIRE(::mount("tiny", home.path.c_str(), "tmpfs", 0, "size=64k") == 0);
  const std::string chunk(48 << 10, 'x');
  GuardedLoop loop(options);
  const int fd = perform(loop, operations::open((home / "file").c_str(), O_WRONLY | O_CREAT, 0600));
  REQUIRE(fd >= 0);
  const auto write = [&](std::int64_t offset) {
    return perform(loop, operations::write(fd, chunk.data(), chunk.size(), offset));
  };
  CHECK(write(0) == 48 << 10);
  CHECK(write(48 << 10) == 16 << 10);
  CHECK(write(64 << 10) == -ENOSPC);
  CHECK(perform(loop, operations::close(fd)) == 0);
  REQUIRE(::umount(home.path.c_str()) == 0);
}

TEST_ON_EACH_BACKEND(
    "without free descriptors opening and accepting are EMFILE, and work again later") {
  const int listener = listen_on_loopback(0);
  const UniqueFd client(connect_to_loopback(static_cast<std::uint16_t>(port_of(listener))));
  REQUIRE(client);
  Multishot many;
  GuardedLoop loop(options);
  Request job;
  loop.work(job, [] {}, {});
  loop.run();  // whatever the back end needs is there
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const int next = ::dup(listener);
  REQUIRE(::close(next) == 0);
  const rlimit none{.rlim_cur = static_cast<rlim_t>(next), .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const int opened = perform(loop, operations::open("/dev/null", O_RDONLY, 0));
  const int accepted = perform(loop, operations::accept(listener));
  std::vector<int> results;
  const Done note = [&](Request& done) {
    results.push_back(done.result());
    if (done.result() >= 0) loop.close_now(done.result()), done.cancel();
  };
  loop.accept_many(many, listener, note);
  loop.run();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(opened == -EMFILE);
  CHECK(accepted == -EMFILE);
  CHECK(results == std::vector<int>{-EMFILE});
  // The kernel may have dropped the connection that it couldn't hand out: a new one is accepted.
  const UniqueFd again(connect_to_loopback(static_cast<std::uint16_t>(port_of(listener))));
  loop.accept_many(many, listener, note);
  loop.run();
  CHECK(results.size() >= 3);
  CHECK(results.back() == -ECANCELED);
  loop.close_now(listener);
}

}  // namespace timeslice::loop::test
