// SPDX-License-Identifier: MIT
#include "labs/live_picture.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "labs/live_threads.h"

namespace timeslice::labs {

namespace {

constexpr uint64_t kEachNs = 150'000'000;  // from one look to the next one
constexpr size_t kMostThreads = 8;         // lines
constexpr size_t kLabel = 8;               // columns, before a CPU's lane
constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz";

double seconds(uint64_t ns) { return static_cast<double>(ns) / 1e9; }

class Painter {
 public:
  Painter(pid_t parent, size_t width) : parent_(parent), width_(width) {}

  // Until this process is killed.
  [[noreturn]] void go() {
    for (;;) {
      look();
      draw();
      usleep(kEachNs / 1000);
    }
  }

 private:
  struct Known {
    char letter = ' ';
    LiveThread last;
  };

  void look() {
    std::map<uint32_t, std::pair<uint64_t, char>> busiest;  // by CPU
    for (const LiveThread& thread : live_threads(parent_, getpid())) {
      const auto [known, is_new] = known_.try_emplace(thread.tid);
      if (is_new)
        known->second.letter = kLetters[std::min(known_.size() - 1, sizeof(kLetters) - 2)];
      const uint64_t before = is_new ? 0 : known->second.last.ran_ns;
      known->second.last = thread;
      const uint64_t ran = thread.ran_ns - std::min(before, thread.ran_ns);
      auto& top = busiest[thread.cpu];
      if (ran > top.first) top = {ran, known->second.letter};
    }
    for (const auto& [cpu, top] : busiest) lanes_[cpu].resize(looks_, ' ');
    ++looks_;
    for (auto& [cpu, lane] : lanes_) {
      const auto top = busiest.find(cpu);
      lane += top == busiest.end() || top->second.first == 0 ? ' ' : top->second.second;
    }
  }

  // Over the one that is there.
  void draw() {
    std::string text = drawn_ ? fmt::format("\033[{}A", drawn_) : "";
    const size_t before = drawn_;
    drawn_ = 0;
    const auto add = [&](const std::string& line) {
      text += line + "\033[K\n";
      ++drawn_;
    };
    const size_t cells = width_ - kLabel - 1;
    for (const auto& [cpu, lane] : lanes_)
      add(fmt::format("CPU {:<{}}{}", cpu, kLabel - 4,
                      lane.size() > cells ? lane.substr(lane.size() - cells) : lane));
    for (const Known* known : longest())
      add(fmt::format("{} {:<16} {:>7.2f} s on a CPU, {:>6.2f} s waiting for one", known->letter,
                      known->last.name, seconds(known->last.ran_ns),
                      seconds(known->last.waited_ns)));
    // What was lower before stays empty, so that the lines below don't jump.
    while (drawn_ < before) add("");
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  [[nodiscard]] std::vector<const Known*> longest() const {
    std::vector<const Known*> all;
    for (const auto& [tid, known] : known_) all.push_back(&known);
    std::sort(all.begin(), all.end(),
              [](const Known* a, const Known* b) { return a->last.ran_ns > b->last.ran_ns; });
    if (all.size() > kMostThreads) all.resize(kMostThreads);
    return all;
  }

  pid_t parent_;
  size_t width_;
  std::map<uint32_t, Known> known_;        // by TID
  std::map<uint32_t, std::string> lanes_;  // by CPU
  size_t looks_ = 0, drawn_ = 0;
};

}  // namespace

LivePicture::LivePicture(size_t width) {
  const pid_t parent = getpid();
  painter_ = fork();
  if (painter_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGINT, SIG_DFL);
  Painter(parent, width).go();
}

LivePicture::~LivePicture() {
  if (painter_ <= 0) return;
  kill(painter_, SIGKILL);
  while (waitpid(painter_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace timeslice::labs
