// SPDX-License-Identifier: MIT
// Whom did the user name? Ids, globs and cgroups on the command line, checked against this machine,
// as far as its /proc speaks of the processes that we see.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace timeslice::observe {

// In a PID namespace that was made without a /proc of its own (unshare -p, nsenter -p) that which
// is mounted counts in another: a process's number is a stranger's there, or nobody's. No /proc at
// all is another matter.
bool is_foreign_proc();
void refuse_foreign_proc();  // throws Failure

// The tgids in "12,34" lists: those that are there, and those that aren't any more.
struct NamedProcesses {
  std::vector<uint32_t> tgids, gone;
};
// Throws BadUsage if one is not a number, Failure if one is only a thread or none is there, or
// where they can't be looked up in this /proc.
NamedProcesses parse_tgids(const std::vector<std::string>& lists);

// One that has ended, and that nobody has reaped, doesn't.
bool process_exists(uint32_t tgid);

// A cgroup of the unified hierarchy with all below it, as ts_thread_row::cgroup_id names them.
class CgroupTree {
 public:
  // `path`: a directory, or a path below the place where cgroup2 is mounted. Throws Failure.
  explicit CgroupTree(const std::string& path);

  // Looks again: cgroups come and go.
  void refresh();
  [[nodiscard]] bool holds(uint64_t cgroup_id) const { return ids_.count(cgroup_id) != 0; }

 private:
  std::string directory_;
  std::set<uint64_t> ids_;
};

}  // namespace timeslice::observe
