// SPDX-License-Identifier: MIT
// Example: how is a file replaced so that nobody ever sees half of it? By the loop's verbs for
// files: the new text goes into a file beside it, onto the disk, and then takes the name. Each step
// starts the next one, with one and the same request.
#include <fcntl.h>
#include <sys/stat.h>

#include "loop/core/loop.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

class Replacement {
 public:
  // `done` gets 0 or -errno; the file is then the new one, or the former one.
  Replacement(Loop& loop, std::string path, std::string text, std::function<void(int)> done)
      : loop_(loop), path_(std::move(path)), text_(std::move(text)), done_(std::move(done)) {}

  void begin() {
    loop_.stat(request_, path_.c_str(), 0, &former_, [this](Request& stat) {
      const mode_t mode = stat.result() == 0 ? former_.stx_mode & 0777 : 0666;
      loop_.open(request_, beside_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, mode,
                 [this](Request& open) {
                   if (open.result() < 0) return done_(open.result());
                   fd_ = open.result();
                   write();
                 });
    });
  }

 private:
  void write() {
    if (written_ == text_.size()) return sync();
    loop_.write(request_, fd_, text_.data() + written_, text_.size() - written_,
                static_cast<std::int64_t>(written_), [this](Request& write) {
                  if (write.result() <= 0) return give_up(write.result());
                  written_ += static_cast<std::size_t>(write.result());
                  this->write();
                });
  }
  void sync() {
    loop_.fsync(request_, fd_, false, [this](Request& sync) {
      if (sync.result() < 0) return give_up(sync.result());
      loop_.close(request_, fd_, [this](Request&) { take_name(); });
    });
  }
  void take_name() {
    loop_.rename(request_, beside_.c_str(), path_.c_str(),
                 [this](Request& rename) { done_(rename.result()); });
  }
  void give_up(int error) {
    loop_.close(request_, fd_, [this, error](Request&) {
      loop_.unlink(request_, beside_.c_str(), 0, [this, error](Request&) { done_(error); });
    });
  }

  Loop& loop_;
  const std::string path_, text_;
  const std::string beside_ = path_ + ".new";
  std::function<void(int)> done_;
  struct statx former_ {};
  Request request_;
  std::size_t written_ = 0;
  int fd_ = -1;
};

int replace(const Options& options, const std::string& path, const std::string& text) {
  std::unique_ptr<Replacement> replacement;  // holds a request, so it outlives the loop
  GuardedLoop loop(options);
  int result = 1;
  replacement = std::make_unique<Replacement>(loop, path, text, [&](int code) { result = code; });
  replacement->begin();
  loop.run();
  return result;
}

}  // namespace

TEST_ON_EACH_BACKEND("example: a file is replaced as a whole, or stays") {
  const TemporaryDirectory directory;
  const std::string folder = directory / "settings", path = folder + "/file";
  CHECK(replace(options, path, "early") == -ENOENT);
  Request making;
  GuardedLoop loop(options);
  int made = 1;
  loop.mkdir(making, folder.c_str(), 0700, [&](Request& mkdir) { made = mkdir.result(); });
  loop.run();
  REQUIRE(made == 0);
  CHECK(replace(options, path, "first") == 0);
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  CHECK(replace(options, path, "second, which is longer") == 0);
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(content_of(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).get()) ==
        "second, which is longer");
  {
    const FileSizeLimit limit(4);
    CHECK(replace(options, path, "too long for it") == -EFBIG);
  }
  CHECK(content_of(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).get()) ==
        "second, which is longer");
  CHECK_FALSE(std::filesystem::exists(path + ".new"));
}

}  // namespace timeslice::loop::test
