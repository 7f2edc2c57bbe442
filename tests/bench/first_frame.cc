// SPDX-License-Identifier: MIT
// first-frame PATTERN COMMAND…: how many milliseconds from exec until PATTERN is on its terminal?
// Runs the command on a pseudo-terminal of 80x24, prints the time, and ends the command.
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <chrono>
#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  winsize size{24, 80, 0, 0};
  int terminal = -1;
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  std::string seen;
  char chunk[4096];
  ssize_t got;
  while (seen.find(argv[1]) == std::string::npos &&
         (got = read(terminal, chunk, sizeof(chunk))) > 0)
    seen.append(chunk, static_cast<size_t>(got));
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  const bool found = seen.find(argv[1]) != std::string::npos;
  kill(child, SIGTERM);
  close(terminal);
  waitpid(child, nullptr, 0);
  if (!found) {
    std::fprintf(stderr, "'%s' never came: %s\n", argv[1], seen.c_str());
    return 1;
  }
  std::printf("%.1f\n", took.count());
}
