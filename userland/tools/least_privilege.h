// SPDX-License-Identifier: MIT
// Which of root's rights does this work need? The others are given back before it begins, for good:
// a flaw in what reads strangers' names, files and memory can then not load a module, or send
// packets. docs/privileges.md says what is left, and what that is worth.
#pragma once

namespace timeslice::tools {

enum class Work {
  watching,   // top, as long as it runs: probes may be attached, and processes looked up, any time
  recording,  // the same, and files are made wherever root may make them
  starting_a_command,  // recording, and what is started gets all that we were given
  reading,             // a recording; and pages are made of it, wherever root may make them
};

// Before there is a second thread, for each has rights of its own. Nobody gains anything: what we
// weren't given isn't taken. Where the kernel refuses, all stays as it was.
void keep_rights_for(Work work);

}  // namespace timeslice::tools
