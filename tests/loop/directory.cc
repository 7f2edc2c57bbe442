// SPDX-License-Identifier: MIT
// Is every name in a directory listed once, whatever its bytes, and however many there are?
#include "loop/io/directory.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

struct TemporaryTree {
  TemporaryTree() {
    if (!::mkdtemp(path.data())) std::abort();
    fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~TemporaryTree() {
    for (const std::string& name : names)
      if (::unlinkat(fd.get(), name.c_str(), 0) != 0)
        ::unlinkat(fd.get(), name.c_str(), AT_REMOVEDIR);
    ::rmdir(path.c_str());
  }
  void add_file(const std::string& name, const std::string& content = "") {
    const UniqueFd file(::openat(fd.get(), name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!file || ::write(file.get(), content.data(), content.size()) < 0) std::abort();
    names.insert(name);
  }
  std::string path = "/tmp/timeslice-test-XXXXXX";
  UniqueFd fd;
  std::set<std::string> names;
};

// All batches, until the end or an error.
struct Listing {
  Listing(Loop& loop, Directory& source) : directory(source) { next(loop); }
  void next(Loop& loop) {
    directory.next_batch(request, entries, [this, &loop](Request& done) {
      result = done.result();
      if (result <= 0) return;
      CHECK(static_cast<std::size_t>(result) == entries.size());
      largest = std::max(largest, entries.size());
      if (on_batch) on_batch(entries);
      for (DirectoryEntry& entry : entries) {
        ++count;
        all[entry.name] = std::move(entry);
      }
      next(loop);
    });
  }

  Request request;
  Directory& directory;
  std::vector<DirectoryEntry> entries;
  std::function<void(const std::vector<DirectoryEntry>&)> on_batch;
  int result = 1;
  std::size_t count = 0;
  std::size_t largest = 0;
  std::map<std::string, DirectoryEntry> all;
};

int first_result(const Options& options, const std::string& path) {
  Request request;
  std::vector<DirectoryEntry> entries;
  GuardedLoop loop(options);
  Directory directory(loop, path);
  int result = 1;
  directory.next_batch(request, entries, [&](Request& done) { result = done.result(); });
  loop.run();
  CHECK(entries.empty());
  return result;
}

}  // namespace

TEST_CASE("a directory's names and types are listed", "[directory]") {
  ON_EACH_BACKEND(options);
  TemporaryTree tree;
  tree.add_file("file", "12345");
  REQUIRE(::mkdirat(tree.fd.get(), "directory", 0700) == 0);
  REQUIRE(::symlinkat("nowhere", tree.fd.get(), "link") == 0);
  REQUIRE(::mkfifoat(tree.fd.get(), "fifo", 0600) == 0);
  tree.names.insert({"directory", "link", "fifo"});
  const bool with_stat = GENERATE(false, true);
  GuardedLoop loop(options);
  Directory directory(loop, tree.path, {.with_stat = with_stat});
  Listing listing(loop, directory);
  loop.run();
  REQUIRE(listing.result == 0);
  REQUIRE(listing.count == 4);
  const auto type = [&](const char* name) {
    return std::string(name_of(listing.all.at(name).type));
  };
  CHECK(type("file") == "regular");
  CHECK(type("directory") == "directory");
  CHECK(type("link") == "symlink");
  CHECK(type("fifo") == "fifo");
  CHECK(listing.all.at("file").status.st_size == (with_stat ? 5 : 0));
  CHECK(S_ISLNK(listing.all.at("link").status.st_mode) == with_stat);
  CHECK(listing.all.at("link").stat_error == 0);
}

TEST_CASE("device files have their types", "[directory]") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Directory directory(loop, "/dev");
  Listing listing(loop, directory);
  loop.run();
  CHECK(listing.all.at("null").type == FileType::character_device);
}

TEST_CASE("names may contain any bytes", "[directory]") {
  ON_EACH_BACKEND(options);
  TemporaryTree tree;
  std::string all_bytes;
  for (int byte = 1; byte < 256; ++byte)
    if (byte != '/') all_bytes.push_back(static_cast<char>(byte));
  tree.add_file(all_bytes);  // 254 of the 255 that a name may have
  tree.add_file("...");
  tree.add_file(" ");
  tree.add_file("-\n");
  tree.add_file("\xff\xfe");
  GuardedLoop loop(options);
  Directory directory(loop, tree.path);
  Listing listing(loop, directory);
  loop.run();
  std::set<std::string> found;
  for (const auto& [name, entry] : listing.all) found.insert(name);
  CHECK(found == tree.names);
}

TEST_ON_EACH_BACKEND("ten thousand names come in batches, each once", "[directory]") {
  constexpr std::size_t kFiles = 10'000;
  TemporaryTree tree;
  for (std::size_t i = 0; i < kFiles; ++i) tree.add_file("file-" + std::to_string(i));
  GuardedLoop loop(options);
  Directory directory(loop, tree.path, {.batch_size = 100});
  Listing listing(loop, directory);
  bool removing = false;
  SECTION("as they are") {}
  SECTION("and removed while they are read") {
    removing = true;
    listing.on_batch = [&](const std::vector<DirectoryEntry>& entries) {
      for (const DirectoryEntry& entry : entries)
        CHECK(::unlinkat(tree.fd.get(), entry.name.c_str(), 0) == 0);
    };
  }
  loop.run();
  CHECK(listing.result == 0);
  CHECK(listing.count == kFiles);
  CHECK(listing.all.size() == kFiles);
  CHECK(listing.largest == 100);
  if (removing) {
    CHECK(first_result(options, tree.path) == 0);
    tree.names.clear();
  }
}

TEST_CASE("an entry removed after its name was read says so", "[directory]") {
  ON_EACH_BACKEND(options);
  TemporaryTree tree;
  for (int i = 0; i < 10; ++i) tree.add_file("file-" + std::to_string(i));
  GuardedLoop loop(options);
  // One call reads more names than a batch has, so those of later batches are known already.
  Directory directory(loop, tree.path, {.batch_size = 1, .with_stat = true});
  Listing listing(loop, directory);
  listing.on_batch = [&](const std::vector<DirectoryEntry>& entries) {
    for (const std::string& name : tree.names)
      if (name != entries[0].name) ::unlinkat(tree.fd.get(), name.c_str(), 0);
    tree.names = {entries[0].name};
    listing.on_batch = nullptr;
  };
  loop.run();
  CHECK(listing.result == 0);
  std::size_t gone = 0;
  for (const auto& [name, entry] : listing.all) gone += entry.stat_error == -ENOENT;
  CHECK(gone + 1 == listing.count);
}

TEST_CASE("reading a directory that is removed meanwhile ends", "[directory]") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  std::string path;
  {
    TemporaryTree tree;
    for (int i = 0; i < 10; ++i) tree.add_file("file-" + std::to_string(i));
    path = tree.path;
    Directory directory(loop, path, {.batch_size = 1});
    Request request;
    std::vector<DirectoryEntry> entries;
    int result = 0;
    directory.next_batch(request, entries, [&](Request& done) { result = done.result(); });
    loop.run();
    CHECK(result == 1);
    for (const std::string& name : tree.names) ::unlinkat(tree.fd.get(), name.c_str(), 0);
    tree.names.clear();
    REQUIRE(::rmdir(path.c_str()) == 0);
    Listing rest(loop, directory);
    loop.run();
    CHECK(rest.result == 0);
  }
  CHECK(first_result(options, path) == -ENOENT);
}

TEST_CASE("what can't be read as a directory is an error result", "[directory]") {
  ON_EACH_BACKEND(options);
  CHECK(first_result(options, "/nowhere/at/all") == -ENOENT);
  CHECK(first_result(options, "/etc/passwd") == -ENOTDIR);
  CHECK(first_result(options, "") == -ENOENT);
  CHECK(first_result(options, std::string("/etc\0/", 6)) == -EINVAL);
}

// Not by changing this process's user, which would be every thread's: in a child that has only one
// so far.
TEST_CASE("a directory without read permission is EACCES", "[directory]") {
  ON_EACH_BACKEND(options);
  TemporaryTree tree;
  REQUIRE(::fchmod(tree.fd.get(), ::getuid() == 0 ? 0700 : 0) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (::getuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
    ::_exit(first_result(options, tree.path) == -EACCES ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_ON_THOSE_WITH_THREADS(
    "a batch that waits for a thread is cancelled, and nothing of it is lost", "[directory]") {
  options.pool_size = 1;
  TemporaryTree tree;
  tree.add_file("file");
  std::mutex mutex;
  Request busy, request;
  std::vector<DirectoryEntry> entries;
  GuardedLoop loop(options);
  Directory directory(loop, tree.path);
  int result = 1;
  std::unique_lock held(mutex);
  loop.work(busy, [&] { const std::lock_guard wait(mutex); }, {});
  directory.next_batch(request, entries, [&](Request& done) {
    result = done.result();
    held.unlock();
  });
  request.cancel();
  loop.run();
  CHECK(result == -ECANCELED);
  Listing listing(loop, directory);
  loop.run();
  CHECK(listing.count == 1);
}

TEST_CASE("a Directory may be destroyed while it's being read", "[directory]") {
  ON_EACH_BACKEND(options);
  Request request;
  std::vector<DirectoryEntry> entries;
  const int spare = ::dup(0);
  ::close(spare);
  int calls = 0;
  {
    GuardedLoop loop(options);
    {
      Directory(loop, "/etc").next_batch(request, entries, [&](Request&) { ++calls; });
    }
    if (GENERATE(true, false)) {
      loop.run();
      CHECK(calls == 1);
      CHECK(request.result() > 0);
    }
  }
  request.job = nullptr;
  const UniqueFd next(::dup(0));
  CHECK(next.get() == spare);  // it left none open
}

}  // namespace timeslice::loop::test
