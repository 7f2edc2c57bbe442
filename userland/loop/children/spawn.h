// SPDX-License-Identifier: MIT
// How does a program start another one? It says what to run and with what, and gets a process id
// or the reason why not: also for what fails in the child, up to and including exec. No exit code
// 127 has to be guessed at.
//
// The child begins with nothing of ours but what is named here: every signal at its default and
// unblocked (32 and 33 may be ignored: they are the C library's own), and no descriptor but its
// stdio.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace timeslice::loop {

// What one of the child's descriptors is.
struct Stdio {
  enum class Kind : std::uint8_t { inherit, null, pipe_in, pipe_out, given };

  static Stdio inherit() { return {Kind::inherit, -1}; }    // ours of the same number
  static Stdio null() { return {Kind::null, -1}; }          // /dev/null
  static Stdio pipe_in() { return {Kind::pipe_in, -1}; }    // the child reads what we write
  static Stdio pipe_out() { return {Kind::pipe_out, -1}; }  // we read what the child writes
  static Stdio given(int fd) { return {Kind::given, fd}; }  // a copy of `fd`, which stays ours

  Kind kind;
  int fd;
};

struct ProcessOptions {
  std::string file;                    // looked for in our PATH unless there is a slash in it
  std::vector<std::string> arguments;  // with the name as the first; none: `file` alone
  std::optional<std::vector<std::string>> environment;  // "NAME=value" each; nullopt: ours
  std::string directory;  // to run in, and where a relative `file` is looked for; empty: ours
  // The child's descriptors from 0 on; it has no others.
  std::vector<Stdio> stdio = {Stdio::inherit(), Stdio::inherit(), Stdio::inherit()};
  // Whose rights it has. With either, the supplementary groups are given up.
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  bool own_group =
      false;              // a process group of its own, which signals from our terminal don't reach
  bool detached = false;  // a session of its own: no terminal, and our terminal's end isn't its end

  // In place of pidfd_open, for tests: returns a descriptor, or -1 and errno.
  int (*open_pidfd)(pid_t pid) = nullptr;
};

// `descriptors[n]` becomes the child's descriptor n; -1 leaves n closed. Returns the process id, or
// -errno of what failed: -ENOENT, -EACCES, -ENOEXEC, -E2BIG from exec or from the directory,
// -EAGAIN or -ENOMEM where no process could be made, -EPERM for a user that we may not become,
// -EINVAL for a string with a zero byte in it. The calling thread waits until the child has come as
// far as exec.
pid_t spawn(const ProcessOptions& options, const std::vector<int>& descriptors);

}  // namespace timeslice::loop
