// SPDX-License-Identifier: MIT
// How does a pass of the BPF programs become a Snapshot? The programs hand over only the rows that
// are news (bpf/pass.h); the reader keeps all others from the passes before, each at its position.
#pragma once
#include <bpf/libbpf.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "observe/mapped_array.h"
#include "observe/source.h"
#include "observe/task_iterator.h"

namespace timeslice::observe {

// What a skeleton has of a pass; all pointers live as long as it.
struct PassParts {
  bpf_program* walk;     // of type syscall; unloaded on kernels before 6.7
  bpf_program* iterate;  // of type iter/task: used where `walk` isn't loaded
  const bpf_map* rows;
  const bpf_map* sched_rows;  // null in count mode
  const bpf_map* cores;
  // In the program's own memory, as bpf/pass.h names them.
  uint32_t *renew, *resume_at, *visited, *used, *deferred, *first_deferred;
};

// How a program gets at the threads: by walking the task list (6.7 and later), or by iter/task.
enum class Way { walk, iterate };

// Before the load: makes room for this machine's cores and threads, and picks the way. False: this
// kernel doesn't have it.
[[nodiscard]] bool prepare_pass(Way way, bpf_program* walk, bpf_program* iterate, bpf_map* cores,
                                bpf_map* seen_threads);

class PassReader {
 public:
  explicit PassReader(const PassParts& parts);  // throws Failure

  // Brings `snapshot` up to date: its rows, its news and its times. Throws Failure.
  void read(Snapshot& snapshot);

 private:
  void call();
  void call_walk();
  void take_rows(Snapshot& snapshot);
  void take_cores(Snapshot& snapshot) const;
  void point_to_rows(Snapshot& snapshot) const;

  PassParts parts_;
  std::optional<TaskIterator> iterator_;  // absent where the walk serves
  MappedArray<ts_thread_row> rows_;
  MappedArray<ts_core_row> cores_;
  std::optional<MappedArray<ts_sched_row>> sched_rows_;
  std::vector<ts_thread_row> by_position_;
  std::vector<ts_sched_row> sched_by_position_;
  uint32_t passes_ = 0;
};

}  // namespace timeslice::observe
