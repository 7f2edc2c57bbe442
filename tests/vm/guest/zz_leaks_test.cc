// SPDX-License-Identifier: MIT
// Has anything of the earlier tests been left in memory? It runs last, by its file's name: on a
// kernel with kmemleak one scan takes half a minute. On others the slab of threads must be gone.
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

VM_TEST_CASE("nothing is left behind in the kernel's memory") {
  CHECK(leaks() == std::string());
  CHECK(live::read_file("/proc/slabinfo").find("timeslice_thread") == std::string::npos);
}

}  // namespace timeslice::vm
