// SPDX-License-Identifier: MIT
#include "tools/least_privilege.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace timeslice::tools {

namespace {

constexpr uint64_t bit(unsigned capability) { return uint64_t{1} << capability; }

// Loading programs and attaching them; a process's memory, and the files that it has mapped, which
// map_files gives to CAP_CHECKPOINT_RESTORE alone and others' folders to CAP_DAC_READ_SEARCH.
// CAP_SYSLOG shows where the kernel's symbols lie. Older kernels count a ring's and a map's pages
// as locked: CAP_IPC_LOCK and CAP_SYS_RESOURCE. CAP_SYS_ADMIN stands in for the first three where
// it came alone; and nobody else may switch on BPF's run-time statistics, which say what the probes
// cost.
constexpr uint64_t kLooking = bit(CAP_BPF) | bit(CAP_PERFMON) | bit(CAP_SYS_PTRACE) |
                              bit(CAP_CHECKPOINT_RESTORE) | bit(CAP_DAC_READ_SEARCH) |
                              bit(CAP_SYSLOG) | bit(CAP_IPC_LOCK) | bit(CAP_SYS_RESOURCE) |
                              bit(CAP_SYS_ADMIN);
// In others' folders, over others' files in sticky ones, and with the blocks kept for root.
constexpr uint64_t kMakingFiles =
    bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_FOWNER) | bit(CAP_SYS_RESOURCE);

uint64_t needed_for(Work work) {
  if (work == Work::reading) return kMakingFiles;
  return work == Work::watching ? kLooking : kLooking | kMakingFiles;
}

struct Rights {
  bool get() { return syscall(SYS_capget, &header, data) == 0; }
  [[nodiscard]] bool set() const { return syscall(SYS_capset, &header, data) == 0; }
  void keep(uint64_t kept, bool only_effective) {
    for (__user_cap_data_struct& word : data) {
      const auto part = static_cast<uint32_t>(&word == data ? kept : kept >> 32);
      word.effective &= part;
      if (only_effective) continue;
      word.permitted &= part;
      word.inheritable &= part;
    }
  }

  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
};

}  // namespace

void keep_rights_for(Work work) {
  Rights rights;
  if (!rights.get()) return;
  // Ambient rights end with the permitted ones, so a command's are only laid aside.
  const bool lay_aside = work == Work::starting_a_command;
  rights.keep(needed_for(work), lay_aside);
  // Else a program that root executes would have them all again.
  if (rights.set() && !lay_aside) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

}  // namespace timeslice::tools
