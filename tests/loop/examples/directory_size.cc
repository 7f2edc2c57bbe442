// SPDX-License-Identifier: MIT
// Example: how large is what a directory holds? Its entries come in batches, with their sizes,
// while the loop goes on with other things.
#include <fstream>
#include <optional>

#include "loop/io/directory.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

struct Sum {
  Sum(Loop& on, const std::string& path)
      : directory(on, path, {.batch_size = 3, .with_stat = true}) {}
  void go_on() {
    directory.next_batch(request, entries, [this](Request& batch) {
      if (batch.result() <= 0) {
        error = batch.result();
        return;
      }
      for (const DirectoryEntry& entry : entries)
        if (entry.type == FileType::regular && entry.stat_error == 0) bytes += entry.status.st_size;
      go_on();
    });
  }
  Directory directory;
  Request request;
  std::vector<DirectoryEntry> entries;
  off_t bytes = 0;
  int error = 1;
};

}  // namespace

TEST_ON_EACH_BACKEND("example: the sizes of a directory's files are summed up") {
  const TemporaryDirectory directory;
  for (int i = 0; i < 10; ++i)
    std::ofstream(directory / std::to_string(i)) << std::string(static_cast<std::size_t>(i), 'x');
  std::optional<Sum> sum, none;  // hold requests, so they outlive the loop
  GuardedLoop loop(options);
  sum.emplace(loop, directory.path);
  none.emplace(loop, directory / "none");
  sum->go_on();
  none->go_on();
  loop.run();
  CHECK(sum->bytes == 45);
  CHECK(sum->error == 0);
  CHECK(none->error == -ENOENT);
}

}  // namespace timeslice::loop::test
