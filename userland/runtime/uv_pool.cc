// SPDX-License-Identifier: MIT
#include "runtime/uv_pool.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

namespace timeslice::runtime {

namespace {

constexpr uint32_t kMostThreads = 1024;  // MAX_THREADPOOL_SIZE
constexpr int kTries = 3;
constexpr size_t kMostText = 256;  // bytes of a path or a name

// libuv's public types, the same in every 1.x on 64-bit Linux (include/uv.h): where a request keeps
// its job, and what tells that it is one.
constexpr uint64_t kNodeInJob = 24;     // uv__work::wq
constexpr uint64_t kLoopInJob = 16;     // uv__work::loop
constexpr uint64_t kTypeInRequest = 8;  // uv_req_t::type
enum RequestType : uint32_t {
  kFs = 6,
  kWork = 7,
  kGetaddrinfo = 8,
  kGetnameinfo = 9,
  kRandom = 10
};
struct RequestShape {
  RequestType type;
  const char* kind;
  uint64_t job, loop;  // in the request
};
constexpr RequestShape kShapes[] = {{kWork, "work", 88, 64},
                                    {kFs, "fs", 336, 72},
                                    {kGetaddrinfo, "getaddrinfo", 72, 64},
                                    {kGetnameinfo, "getnameinfo", 72, 64},
                                    {kRandom, "random", 104, 64}};
constexpr uint64_t kFsType = 64, kFsPath = 104, kHostname = 128;
// Node's own: after the uv_work_t of its ThreadPoolWork, the name of what it is for.
constexpr uint64_t kNodeWorkType = 128;

// By uv_fs_type.
constexpr const char* kFsTypes[] = {
    "custom",    "open",      "close",  "read",    "write",    "sendfile", "stat",    "lstat",
    "fstat",     "ftruncate", "utime",  "futime",  "access",   "chmod",    "fchmod",  "fsync",
    "fdatasync", "unlink",    "rmdir",  "mkdir",   "mkdtemp",  "rename",   "scandir", "link",
    "symlink",   "readlink",  "chown",  "fchown",  "realpath", "copyfile", "lchown",  "opendir",
    "readdir",   "closedir",  "statfs", "mkstemp", "lutime"};

using Links = std::array<uint64_t, 2>;  // next, previous

// The nodes of a ring, without `skipped`. Absent where it is torn, or longer than `most`.
std::optional<std::vector<uint64_t>> walk(MemoryReader& memory, uint64_t head, uint64_t skipped,
                                          size_t most) {
  std::vector<uint64_t> nodes;
  uint64_t before = head;
  const auto first = memory.get<Links>(head);
  if (!first) return std::nullopt;
  size_t steps = 0;  // of a ring that moves, to `skipped` again and again as well
  for (uint64_t node = (*first)[0]; node != head; ++steps) {
    const auto links = memory.get<Links>(node);
    if (!links || (*links)[1] != before || steps > most) return std::nullopt;
    if (node != skipped) nodes.push_back(node);
    before = node;
    node = (*links)[0];
  }
  if (nodes.size() > most) return std::nullopt;
  return nodes;
}

std::optional<std::vector<uint64_t>> walk_again(MemoryReader& memory, uint64_t head,
                                                uint64_t skipped, size_t most) {
  for (int i = 0; i < kTries; ++i)
    if (auto nodes = walk(memory, head, skipped, most)) return nodes;
  return std::nullopt;
}

// `links`: the head's, as they were read with the rest.
std::optional<uint32_t> add_waiting(MemoryReader& memory, uint64_t head, const Links& links,
                                    uint64_t skipped, std::vector<uint64_t>& waiting) {
  if (links == Links{head, head}) return 0;
  const auto nodes = walk_again(memory, head, skipped, kMostJobs);
  if (!nodes) return std::nullopt;
  waiting.insert(waiting.end(), nodes->begin(), nodes->end());
  return static_cast<uint32_t>(nodes->size());
}

// Up to its zero, its page's end or so many bytes.
std::string text_at(MemoryReader& memory, uint64_t address) {
  std::array<char, kMostText> bytes;
  size_t size = bytes.size();
  if (!memory.read(address, bytes.data(), size)) {
    size = std::min<uint64_t>(size, 4096 - address % 4096);
    if (!memory.read(address, bytes.data(), size)) return "";
  }
  return {bytes.data(), static_cast<size_t>(std::find(bytes.begin(), bytes.begin() + size, '\0') -
                                            bytes.begin())};
}

// Node's words for work are short and plain; what lies there in other programs is anything.
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

class Request {
 public:
  // `job`: the address of a uv__work.
  Request(MemoryReader& memory, uint64_t job) : memory_(memory), job_(job) {}

  UvJob read() {
    const auto loop = memory_.get<uint64_t>(job_ + kLoopInJob);
    if (!loop) return {"other", ""};
    for (const RequestShape& shape : kShapes) {
      const uint64_t request = job_ - shape.job;
      if (memory_.get<uint32_t>(request + kTypeInRequest) != shape.type ||
          memory_.get<uint64_t>(request + shape.loop) != *loop)
        continue;
      return described(shape, request);
    }
    return {"other", ""};
  }

 private:
  UvJob described(const RequestShape& shape, uint64_t request) {
    UvJob job{shape.kind, ""};
    if (shape.type == kFs) {
      const auto type = memory_.get<uint32_t>(request + kFsType);
      job.kind += type && *type < std::size(kFsTypes) ? std::string(".") + kFsTypes[*type] : "";
      job.what = text_behind(request + kFsPath);
    } else if (shape.type == kGetaddrinfo) {
      job.what = text_behind(request + kHostname);
    } else if (shape.type == kWork) {
      const std::string word = text_behind(request + kNodeWorkType);
      if (is_word(word)) job.what = word;
    }
    return job;
  }

  std::string text_behind(uint64_t pointer) {
    const auto address = memory_.get<uint64_t>(pointer);
    return address && *address ? text_at(memory_, *address) : "";
  }

  MemoryReader& memory_;
  uint64_t job_;
};

}  // namespace

std::optional<UvPoolCounts> read_uv_pool(MemoryReader& memory, const UvPoolPlaces& places) {
  UvPoolCounts counts;
  Links queue, slow;
  // A hundred times a second: in one call.
  const std::array<MemoryPart, 4> parts{{{places.threads, &counts.threads, sizeof(uint32_t)},
                                         {places.idle_threads, &counts.idle, sizeof(uint32_t)},
                                         {places.queue, &queue, sizeof(queue)},
                                         {places.slow_queue, &slow, sizeof(slow)}}};
  if (!memory.read_parts({parts.data(), places.slow_queue ? parts.size() : parts.size() - 1}))
    return std::nullopt;
  if (counts.threads > kMostThreads || counts.idle > counts.threads) return std::nullopt;
  if (counts.threads == 0) {  // its queues haven't been made
    counts.queued = counts.slow = 0;
    return counts;
  }
  counts.queued = add_waiting(memory, places.queue, queue, places.slow_node, counts.waiting);
  if (places.slow_queue)
    counts.slow = add_waiting(memory, places.slow_queue, slow, 0, counts.waiting);
  return counts;
}

// glibc's pthread_t is the address of what %fs points to.
std::vector<uint64_t> read_uv_workers(MemoryReader& memory, const UvPoolPlaces& places,
                                      uint32_t threads) {
  const auto list = places.workers ? memory.get<uint64_t>(places.workers) : std::nullopt;
  if (!list || *list == 0 || threads > kMostThreads) return {};
  std::vector<uint64_t> workers(threads);
  if (!memory.read(*list, workers.data(), workers.size() * sizeof(uint64_t))) return {};
  return workers;
}

std::optional<UvJobs> read_uv_jobs(MemoryReader& memory, const UvPoolPlaces& places, size_t most) {
  UvJobs read;
  const auto read_queue = [&](uint64_t head, uint32_t& waiting) {
    const auto nodes = walk_again(memory, head, places.slow_node, kMostJobs);
    if (!nodes) return false;
    waiting = static_cast<uint32_t>(nodes->size());
    for (size_t i = 0; i < std::min(nodes->size(), most); ++i)
      read.jobs.push_back(Request(memory, (*nodes)[i] - kNodeInJob).read());
    return true;
  };
  if (!read_queue(places.queue, read.queued)) return std::nullopt;
  if (places.slow_queue && !read_queue(places.slow_queue, read.slow)) return std::nullopt;
  return read;
}

}  // namespace timeslice::runtime
