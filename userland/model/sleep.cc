// SPDX-License-Identifier: MIT
#include "model/sleep.h"

#include <sys/syscall.h>

#include <algorithm>
#include <iterator>

namespace timeslice::model {

namespace {

struct Named {
  int number;
  const char* name;
};

// Made at build time from the kernel's own header, <sys/syscall.h>; sorted by number.
constexpr Named kSyscalls[] = {
#include "syscall_names.inc"
};

bool within(uint64_t address, uint64_t start, uint64_t size) {
  return start != 0 && address >= start && address < start + size;
}

std::string futex_name(uint64_t address, const ts_process_facts* facts) {
  if (!facts) return "futex";
  if (within(address, facts->pool_cond, facts->pool_cond_size)) return "futex: libuv cond";
  if (within(address, facts->signal_semaphore, facts->signal_semaphore_size))
    return "futex: inspector semaphore";
  return "futex";
}

}  // namespace

std::string syscall_name(int number) {
  const Named* found =
      std::lower_bound(std::begin(kSyscalls), std::end(kSyscalls), number,
                       [](const Named& entry, int wanted) { return entry.number < wanted; });
  if (found != std::end(kSyscalls) && found->number == number) return found->name;
  return "syscall " + std::to_string(number);
}

std::string sleeps_in(const ts_thread_row& row, const ts_process_facts* facts) {
  if (!(row.record.have & TS_HAVE_SYSCALL) || row.state == 'R') return {};
  if (row.syscall_nr < 0) return "page fault or exception";
  if (row.syscall_nr == SYS_futex) return futex_name(row.syscall_args[0], facts);
  return syscall_name(row.syscall_nr);
}

}  // namespace timeslice::model
