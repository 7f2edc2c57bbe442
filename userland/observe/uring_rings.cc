// SPDX-License-Identifier: MIT
#include "observe/uring_rings.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>

#include "base/unique_fd.h"

namespace timeslice::observe {

namespace {

constexpr size_t kMostDescriptors = 1 << 17;
constexpr size_t kMostRings = 1024;
constexpr size_t kMostText = 1 << 20;  // registered files are listed by name, a million of them
// A ring that is just being submitted to shows nothing.
constexpr int kTries = 16;
constexpr int kSearchShare = 20;

template <typename Number>
std::optional<Number> number(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return std::nullopt;
  text.remove_prefix(start);
  int base = 10;
  if (text.substr(0, 2) == "0x") {
    text.remove_prefix(2);
    base = 16;
  }
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The first word is the kernel's; what comes later by the same name isn't.
template <typename Number>
void take(std::optional<Number>& field, std::string_view text) {
  if (!field) field = number<Number>(text);
}

// Heads and tails run on and wrap around; a difference that no ring can have means nothing.
std::optional<uint32_t> between(std::optional<uint32_t> head, std::optional<uint32_t> tail,
                                std::optional<uint32_t> entries) {
  if (!head || !tail || !entries || *tail - *head > *entries) return std::nullopt;
  return *tail - *head;
}

std::optional<uint32_t> entries_of(std::optional<uint32_t> mask) {
  if (!mask || *mask == UINT32_MAX || (*mask & (*mask + 1)) != 0) return std::nullopt;
  return *mask + 1;
}

struct Section {
  std::string_view title;
  std::optional<uint32_t> RingInfo::*count;
};
constexpr Section kSections[] = {{"PollList", &RingInfo::polls},
                                 {"CqOverflowList", &RingInfo::overflow}};

struct Heads {
  std::optional<uint32_t> sq_mask, sq_head, sq_tail, cq_mask, cq_head, cq_tail;
};

void take_line(RingInfo& ring, Heads& heads, std::string_view label, std::string_view value) {
  if (label == "SqMask") take(heads.sq_mask, value);
  if (label == "SqHead") take(heads.sq_head, value);
  if (label == "SqTail") take(heads.sq_tail, value);
  if (label == "CqMask") take(heads.cq_mask, value);
  if (label == "CqHead") take(heads.cq_head, value);
  if (label == "CqTail") take(heads.cq_tail, value);
  if (label == "SqThread") take(ring.sq_thread, value);
  if (label == "SqThreadCpu") take(ring.sq_thread_cpu, value);
  if (label == "SqTotalTime") take(ring.sq_total_us, value);
  if (label == "SqWorkTime") take(ring.sq_work_us, value);
  if (label == "UserFiles") take(ring.files, value);
  if (label == "UserBufs") take(ring.buffers, value);
}

// What the kernel says of one descriptor. False: it is gone, or no more a file that can be read.
bool read_fdinfo(int directory, int fd, std::string& text, bool& whole) {
  const UniqueFd file(openat(directory, std::to_string(fd).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return false;
  text.resize(kMostText);
  size_t size = 0;
  ssize_t got = 0;
  while (size < text.size()) {
    got = read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<size_t>(got);
  }
  text.resize(size);
  whole = got == 0;
  return got >= 0;
}

struct DirectoryCloser {
  void operator()(DIR* directory) const { closedir(directory); }
};

bool is_ring(int directory, const char* name) {
  constexpr std::string_view kRing = "anon_inode:[io_uring]";
  char target[kRing.size() + 1];
  const ssize_t length = readlinkat(directory, name, target, sizeof(target));
  return length == static_cast<ssize_t>(kRing.size()) &&
         std::string_view(target, kRing.size()) == kRing;
}

// Absent: it is gone.
std::optional<RingInfo> read_until_known(int directory, int fd, std::string& text) {
  RingInfo ring;
  for (int i = 0; i < kTries && !ring.sq_entries; ++i) {
    bool whole = false;
    if (!read_fdinfo(directory, fd, text, whole)) return std::nullopt;
    ring = parse_ring(text, whole);
  }
  ring.fd = fd;
  return ring;
}

UniqueFd directory_of(uint32_t tgid, const char* which) {
  const std::string path = "/proc/" + std::to_string(tgid) + which;
  return UniqueFd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

bool is_ring(uint32_t tgid, int fd) {
  const UniqueFd directory = directory_of(tgid, "/fd");
  if (!directory) return errno != ENOENT && errno != ESRCH;
  errno = 0;
  return is_ring(directory.get(), std::to_string(fd).c_str()) || errno == EACCES;
}

std::optional<RingInfo> read_ring(uint32_t tgid, int fd) {
  if (!is_ring(tgid, fd)) return std::nullopt;
  const UniqueFd directory = directory_of(tgid, "/fdinfo");
  std::string text;
  return directory ? read_until_known(directory.get(), fd, text) : std::nullopt;
}

RingInfo parse_ring(std::string_view fdinfo, bool whole) {
  RingInfo ring;
  Heads heads;
  std::optional<uint32_t> RingInfo::*section = nullptr;
  while (!fdinfo.empty()) {
    const size_t end = fdinfo.find('\n');
    const std::string_view line = fdinfo.substr(0, end);
    fdinfo.remove_prefix(end == std::string_view::npos ? fdinfo.size() : end + 1);
    if (line.empty()) continue;
    if (line[0] == ' ') {
      if (section) ++*(ring.*section);
      continue;
    }
    section = nullptr;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view label = line.substr(0, colon);
    for (const Section& one : kSections) {
      if (label != one.title || ring.*one.count) continue;
      section = one.count;
      ring.*section = 0;
    }
    take_line(ring, heads, label, line.substr(colon + 1));
  }
  if (!whole && section) (ring.*section).reset();
  ring.sq_entries = entries_of(heads.sq_mask);
  ring.cq_entries = entries_of(heads.cq_mask);
  ring.sq_waiting = between(heads.sq_head, heads.sq_tail, ring.sq_entries);
  ring.cq_unread = between(heads.cq_head, heads.cq_tail, ring.cq_entries);
  if (ring.sq_thread && *ring.sq_thread <= 0) {
    ring.sq_thread.reset();
    ring.sq_thread_cpu.reset();
    ring.sq_total_us.reset();
    ring.sq_work_us.reset();
  }
  return ring;
}

int RingFinder::search() {
  const auto start = std::chrono::steady_clock::now();
  fds_.clear();
  cut_ = false;
  const std::string path = "/proc/" + std::to_string(tgid_) + "/fd";
  const std::unique_ptr<DIR, DirectoryCloser> directory(opendir(path.c_str()));
  if (!directory) return errno;
  errno = 0;
  size_t seen = 0;
  while (const dirent* entry = readdir(directory.get())) {
    if (++seen > kMostDescriptors || fds_.size() >= kMostRings) {
      cut_ = true;
      break;
    }
    if (const auto fd = number<int>(entry->d_name))
      if (is_ring(dirfd(directory.get()), entry->d_name)) fds_.push_back(*fd);
    errno = 0;
  }
  const int error = errno;
  const auto end = std::chrono::steady_clock::now();
  next_search_ = end + kSearchShare * (end - start);
  return error;
}

std::vector<RingInfo> RingFinder::read(int& refused) {
  if (std::chrono::steady_clock::now() >= next_search_) refused_ = search();
  refused = refused_;
  std::vector<RingInfo> rings;
  const UniqueFd directory = directory_of(tgid_, "/fdinfo");
  std::string text;
  for (const int fd : fds_)
    if (const auto ring = read_until_known(directory.get(), fd, text)) rings.push_back(*ring);
  return rings;
}

}  // namespace timeslice::observe
