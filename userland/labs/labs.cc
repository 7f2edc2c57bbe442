// SPDX-License-Identifier: MIT
#include "labs/01-process-or-thread/lab.h"
#include "labs/02-parallel/lab.h"
#include "labs/03-who-gives-up/lab.h"
#include "labs/04-slices/lab.h"
#include "labs/05-policy/lab.h"
#include "labs/06-hidden-threads/lab.h"
#include "labs/07-phases/lab.h"
#include "labs/08-blocking/lab.h"
#include "labs/09-pool/lab.h"
#include "labs/10-routes/lab.h"
#include "labs/11-cluster/lab.h"
#include "labs/12-shared-state/lab.h"
#include "labs/13-faster/lab.h"
#include "labs/parts/lab.h"

namespace timeslice::labs {

namespace {

struct File {
  std::string_view path, contents;
};
constexpr File kFiles[] = {
#include "lab_files.inc"
};

// Empty: the lab has none of that name.
std::string_view file_of(const Lab& lab, const std::string& name) {
  const std::string path = lab.slug + ("/" + name);
  for (const File& file : kFiles)
    if (file.path == path) return file.contents;
  return {};
}

}  // namespace

const std::vector<Lab>& all_labs() {
  static const std::vector<Lab> kLabs = [] {
    std::vector<Lab> labs = {process_or_thread::lab(),
                             parallel::lab(),
                             who_gives_up::lab(),
                             slices::lab(),
                             policy::lab(),
                             hidden_threads::lab(),
                             phases::lab(),
                             blocking::lab(),
                             pool::lab(),
                             routes::lab(),
                             workers::lab(),
                             shared_state::lab(),
                             faster::lab()};
    for (Lab& lab : labs) {
      lab.page = file_of(lab, "lab.md");
      lab.source = file_of(lab, "workload.cc");
      lab.script = file_of(lab, "workload.js");
    }
    return labs;
  }();
  return kLabs;
}

}  // namespace timeslice::labs
