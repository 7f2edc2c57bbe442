// SPDX-License-Identifier: MIT
// What does somebody see who attaches to one of our probe points by libbpf?
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct probe_hits_bpf;
struct bpf_link;

namespace timeslice::live {

struct Hits {
  uint64_t count = 0;
  std::vector<int64_t> last;  // the arguments of the last hit
};

// Looks at the probe of that name in a running process, for as long as it lives.
class Onlooker {
 public:
  Onlooker(pid_t pid, const std::string& probe);  // throws std::runtime_error
  ~Onlooker();
  Onlooker(const Onlooker&) = delete;
  Onlooker& operator=(const Onlooker&) = delete;

  [[nodiscard]] Hits hits() const;

 private:
  struct SkeletonCloser {
    void operator()(probe_hits_bpf* skeleton) const;
  };
  struct LinkCloser {
    void operator()(bpf_link* link) const;
  };
  std::unique_ptr<probe_hits_bpf, SkeletonCloser> skeleton_;
  std::unique_ptr<bpf_link, LinkCloser> link_;
};

}  // namespace timeslice::live
