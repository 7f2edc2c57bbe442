// SPDX-License-Identifier: MIT
#include <algorithm>
#include <iterator>

#include "base/failure.h"
#include "labs/01-process-or-thread/lab.h"
#include "labs/02-parallel/lab.h"
#include "labs/03-who-gives-up/lab.h"
#include "labs/04-slices/lab.h"
#include "labs/05-policy/lab.h"
#include "labs/parts/lab.h"

namespace timeslice::labs {

namespace {

struct Page {
  const char* slug;
  const char* markdown;
};
constexpr Page kPages[] = {
#include "lab_pages.inc"
};

std::string_view page_of(std::string_view slug) {
  const auto* page = std::find_if(std::begin(kPages), std::end(kPages),
                                  [&](const Page& page) { return slug == page.slug; });
  if (page == std::end(kPages)) throw Failure("there is no page of the lab " + std::string(slug));
  return page->markdown;
}

}  // namespace

const std::vector<Lab>& all_labs() {
  static const std::vector<Lab> kLabs = {
      {1,
       "01-process-or-thread",
       page_of("01-process-or-thread"),
       process_or_thread::variant,
       process_or_thread::workload,
       process_or_thread::measure,
       {},
       process_or_thread::picture},
      {2,
       "02-parallel",
       page_of("02-parallel"),
       parallel::variant,
       parallel::workload,
       parallel::measure,
       {"one", "two"},
       nullptr},
      {3,
       "03-who-gives-up",
       page_of("03-who-gives-up"),
       who_gives_up::variant,
       who_gives_up::workload,
       who_gives_up::measure,
       {"spin", "sleep", "yield", "pipe"},
       nullptr},
      {4,
       "04-slices",
       page_of("04-slices"),
       slices::variant,
       slices::workload,
       slices::measure,
       {"both"},
       nullptr},
      {5,
       "05-policy",
       page_of("05-policy"),
       policy::variant,
       policy::workload,
       policy::measure,
       {"free", "pinned", "fifo"},
       nullptr},
  };
  return kLabs;
}

}  // namespace timeslice::labs
