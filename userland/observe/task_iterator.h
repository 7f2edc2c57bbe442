// SPDX-License-Identifier: MIT
// How is a BPF program of type iter/task made to meet every thread, or one of type iter/task_file
// every open file? It writes into its maps, and no text.
#pragma once
#include <bpf/libbpf.h>

#include <memory>

namespace timeslice::observe {

class TaskIterator {
 public:
  explicit TaskIterator(bpf_program* program);  // throws Failure
  void run();                                   // throws Failure

 private:
  struct Closer {
    void operator()(bpf_link* link) const { bpf_link__destroy(link); }
  };
  std::unique_ptr<bpf_link, Closer> link_;
};

}  // namespace timeslice::observe
