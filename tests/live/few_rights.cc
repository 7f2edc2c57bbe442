// SPDX-License-Identifier: MIT
#include "tests/live/few_rights.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace timeslice::live {

void become_nobody() {
  if (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(97);
}

void become_nobody_with(const std::vector<unsigned>& capabilities) {
  const auto among = [&](unsigned one) {
    return std::find(capabilities.begin(), capabilities.end(), one) != capabilities.end();
  };
  for (unsigned one = 0; prctl(PR_CAPBSET_READ, one) >= 0; ++one)
    if (!among(one) && prctl(PR_CAPBSET_DROP, one) != 0) _exit(97);
  if (prctl(PR_SET_KEEPCAPS, 1) != 0) _exit(97);
  become_nobody();
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  for (const unsigned one : capabilities) data[one / 32].effective |= 1U << (one % 32);
  for (auto& word : data) word.permitted = word.inheritable = word.effective;
  if (syscall(SYS_capset, &header, data) != 0) _exit(97);
  for (const unsigned one : capabilities)
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, one, 0, 0) != 0) _exit(97);
}

}  // namespace timeslice::live
