// SPDX-License-Identifier: MIT
// Count mode: what the kernel has counted anyway, read by bpf/count.bpf.c. No probe is
// attached.
#include "count.skel.h"
#include "observe/core_idle.h"
#include "observe/pass_skeleton.h"

namespace timeslice::observe {

namespace {

class CountSource : public Source {
 public:
  explicit CountSource(const std::vector<uint32_t>& tgids)
      : Source("bpf", Mode::count),
        skeleton_(load_pass<count_bpf>("the count mode's BPF programs", tgids, [](count_bpf&) {})),
        reader_(parts_of(*skeleton_, nullptr)) {}

  const Snapshot& read() override {
    reader_.read(snapshot_);
    idle_.add_to(snapshot_.cores);
    return snapshot_;
  }

 private:
  SkeletonPtr<count_bpf> skeleton_;
  PassReader reader_;
  CoreIdle idle_;
};

}  // namespace

std::unique_ptr<Source> open_count_source(const std::vector<uint32_t>& tgids) {
  return std::make_unique<CountSource>(tgids);
}

}  // namespace timeslice::observe
