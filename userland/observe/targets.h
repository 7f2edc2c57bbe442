// SPDX-License-Identifier: MIT
// Whom did the user name? Ids, globs and cgroups on the command line, checked against this machine.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace timeslice::observe {

// The tgids in "12,34" lists: those that are there, and those that aren't any more.
struct NamedProcesses {
  std::vector<uint32_t> tgids, gone;
};
// Throws BadUsage where one is no number, Failure where one is only a thread or none is there.
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
