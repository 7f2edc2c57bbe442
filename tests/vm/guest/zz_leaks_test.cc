// SPDX-License-Identifier: MIT
// Has anything of all that was tried before been left in memory? Last of all, by its file's name:
// on a kernel with kmemleak one look costs half a minute. On others the slab of threads must be
// gone.
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

VM_TEST_CASE("nothing is left in the kernel's memory") {
  CHECK(leaks() == std::string());
  CHECK(live::read_file("/proc/slabinfo").find("timeslice_thread") == std::string::npos);
}

}  // namespace timeslice::vm
