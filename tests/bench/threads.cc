// SPDX-License-Identifier: MIT
// Makes N threads that sleep, says so on stdout, and ends when its stdin is closed: something for
// the benchmarks to look at.
#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

static void* sleep_on(void*) {
  pause();
  return nullptr;
}

int main(int argc, char** argv) {
  const long wanted = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 1000;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 16 * 1024);
  for (long made = 1; made < wanted; ++made) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, sleep_on, nullptr) != 0) {
      std::perror("pthread_create");
      return 1;
    }
  }
  std::printf("%d\n", getpid());
  std::fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  _exit(0);  // without waiting for sleepers
}
