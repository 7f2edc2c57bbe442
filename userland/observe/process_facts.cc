// SPDX-License-Identifier: MIT
#include "observe/process_facts.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "base/unique_fd.h"
#include "observe/elf_symbols.h"
#include "observe/process_maps.h"
#include "observe/target_memory.h"

namespace timeslice::observe {

namespace {

enum Wanted {
  kNodeStart,
  kOurLoop,
  kPoolCond,
  kSemaphore,
  kDefaultLoop,
  kPoolWorker,
  kPlatformWorker,
  kSignalThread,
  kNodeWorker
};

// node::Start proves Node, ours our loop; the rest is where their threads sleep and where they
// began (the same names in Node 18 to 24). N-API's and libuv's exported functions would prove
// nothing: Bun has them as well.
const WantedSymbol kWanted[] = {
    {"_ZN4node5StartEiPPc", ""},
    {"_ZN9timeslice4loop4Loop3runEv", ""},
    {"cond", "threadpool.c"},
    {"_ZN4node9inspector12_GLOBAL__N_1L25start_io_thread_semaphoreE", ""},
    {"default_loop_struct", ""},
    {"worker", "threadpool.c"},
    {"_ZN4node12_GLOBAL__N_1L20PlatformWorkerThreadEPv", ""},
    {"_ZN4node9inspector12_GLOBAL__N_117StartIoThreadMainEPv", ""},
    {"_ZZN4node6worker6Worker11StartThreadERKN2v820FunctionCallbackInfoINS2_5ValueEEEENUlPvE_4_"
     "FUNES8_",
     ""},
};

// By ts_start.
constexpr Wanted kStarts[] = {kNodeStart, kPoolWorker, kPlatformWorker, kSignalThread, kNodeWorker};
static_assert(std::size(kStarts) == TS_STARTS);

// glibc keeps a thread's own data, its start routine among them, above its stack, in the same
// mapping; then come the first functions that it called.
constexpr size_t kTopOfStack = 16 * 1024;

// uv_loop_t::backend_fd, the same in every libuv 1.x on 64-bit Linux (include/uv.h).
constexpr uint64_t kBackendFdOffset = 64;

std::string proc_path(uint32_t tgid, const char* name) {
  return "/proc/" + std::to_string(tgid) + "/" + name;
}

std::string link_target(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t length = readlink(path.c_str(), target, sizeof(target));
  return length > 0 ? std::string(target, static_cast<size_t>(length)) : std::string();
}

ProgramFacts facts_of_file(int fd) {
  ProgramFacts facts;
  const auto symbols = find_symbols(fd, kWanted);
  if (!symbols) return facts;
  facts.relocated = symbols->relocated;
  facts.entry = symbols->entry;
  facts.proven = symbols->found[kNodeStart] || symbols->found[kOurLoop];
  if (symbols->found[kNodeStart]) facts.runtime = TS_RUNTIME_NODE;
  if (symbols->found[kOurLoop]) facts.runtime = TS_RUNTIME_TIMESLICE;
  const auto take = [&](Wanted which, uint64_t& address, uint64_t& size) {
    if (!symbols->found[which]) return;
    address = symbols->found[which]->address;
    size = symbols->found[which]->size;
  };
  uint64_t loop_size = 0;
  take(kPoolCond, facts.pool_cond, facts.pool_cond_size);
  take(kSemaphore, facts.signal_semaphore, facts.signal_semaphore_size);
  take(kDefaultLoop, facts.default_loop, loop_size);
  for (uint32_t start = TS_START_UNKNOWN + 1; start < TS_STARTS; ++start)
    facts.starts[start] = symbols->found[kStarts[start]].value_or(FoundSymbol{});
  return facts;
}

bool begins_with(const std::string& text, const char* start) { return text.rfind(start, 0) == 0; }

// A distribution's node may be a small program around libnode.so. Of that file's mappings it is the
// one of its beginning, so where it starts the file was loaded.
std::optional<Mapping> mapped_libnode(uint32_t tgid) {
  for (Mapping& map : read_maps(tgid))
    if (map.offset == 0 && begins_with(map.path.substr(map.path.rfind('/') + 1), "libnode.so"))
      return std::move(map);
  return std::nullopt;
}

// How far from where it was linked the kernel has loaded the program: by where it was told to
// begin.
uint64_t load_base(uint32_t tgid, const ProgramFacts& program) {
  Elf64_auxv_t values[64] = {};
  const UniqueFd fd(open(proc_path(tgid, "auxv").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || read(fd.get(), values, sizeof(values)) <= 0) return 0;
  const auto* entry = std::find_if(std::begin(values), std::end(values),
                                   [](const auto& value) { return value.a_type == AT_ENTRY; });
  return entry == std::end(values) ? 0 : entry->a_un.a_val - program.entry;
}

int32_t read_epoll_fd(uint32_t tgid, uint64_t loop) {
  const auto fd = TargetMemory(tgid).get<int32_t>(loop + kBackendFdOffset);
  if (!fd) return -1;
  // Plausible only if the process has an epoll descriptor of that number.
  const std::string target = link_target(proc_path(tgid, "fd/") + std::to_string(*fd));
  return target == "anon_inode:[eventpoll]" ? *fd : -1;
}

uint32_t start_at(uint64_t address, const ProgramFacts& program, uint64_t base) {
  for (uint32_t start = TS_START_UNKNOWN + 1; start < TS_STARTS; ++start) {
    const FoundSymbol& function = program.starts[start];
    if (function.address != 0 && address - base - function.address < function.size) return start;
  }
  return TS_START_UNKNOWN;
}

// From the top down: the start routine itself comes before what it called.
uint32_t start_of(uint32_t tgid, const Mapping& stack, const ProgramFacts& program, uint64_t base) {
  std::array<uint64_t, kTopOfStack / sizeof(uint64_t)> words;
  const size_t size = std::min<uint64_t>(kTopOfStack, stack.end - stack.start);
  if (!TargetMemory(tgid).read(stack.end - size, words.data(), size)) return TS_START_UNKNOWN;
  for (size_t i = size / sizeof(uint64_t); i-- > 0;)
    if (const uint32_t start = start_at(words[i], program, base); start != TS_START_UNKNOWN)
      return start;
  return TS_START_UNKNOWN;
}

uint32_t runtime_by_name(const std::string& name) {
  if (name == "bun") return TS_RUNTIME_BUN;
  if (name == "deno") return TS_RUNTIME_DENO;
  return TS_RUNTIME_UNKNOWN;
}

}  // namespace

ProgramFacts ProcessLookUp::facts_of(const ForeignFile& file) {
  const auto known = programs_.find(file.identity);
  if (known != programs_.end()) return known->second;
  const UniqueFd fd = open_to_read(file);
  if (!fd) return {};
  if (programs_.size() == kMostPrograms) programs_.clear();
  return programs_[file.identity] = facts_of_file(fd.get());
}

// `base`: where it was loaded.
ProgramFacts ProcessLookUp::libnode_of(uint32_t tgid, uint64_t& base) {
  const auto mapping = mapped_libnode(tgid);
  const auto file = mapping ? mapped_file(tgid, *mapping) : std::nullopt;
  if (!file) return {};
  base = mapping->start;
  return facts_of(*file);
}

// `base`: where it was loaded.
ProgramFacts ProcessLookUp::program_of(uint32_t tgid, uint64_t& base) {
  const auto file = program_file(tgid);
  if (!file) return {};
  ProgramFacts program = facts_of(*file);
  if (program.relocated && program.proven) base = load_base(tgid, program);
  if (program.runtime == TS_RUNTIME_UNKNOWN) program.runtime = runtime_by_name(file->name);
  if (program.runtime == TS_RUNTIME_UNKNOWN && begins_with(file->name, "node"))
    program = libnode_of(tgid, base);
  return program;
}

ts_process_facts ProcessLookUp::look_up(uint32_t tgid) {
  uint64_t base = 0;
  const ProgramFacts program = program_of(tgid, base);
  ts_process_facts facts{};
  facts.tgid = tgid;
  facts.runtime = program.runtime;
  facts.runtime_proven = program.proven;
  facts.loop_epoll_fd = -1;
  if (program.pool_cond) facts.pool_cond = program.pool_cond + base;
  facts.pool_cond_size = program.pool_cond_size;
  if (program.signal_semaphore) facts.signal_semaphore = program.signal_semaphore + base;
  facts.signal_semaphore_size = program.signal_semaphore_size;
  if (program.default_loop) facts.loop_epoll_fd = read_epoll_fd(tgid, program.default_loop + base);
  return facts;
}

std::vector<ts_stack_facts> ProcessLookUp::stacks(uint32_t tgid, const std::vector<uint32_t>& tids,
                                                  const std::vector<uint64_t>& stack_pointers) {
  std::vector<ts_stack_facts> stacks;
  uint64_t base = 0;
  const ProgramFacts program = program_of(tgid, base);
  const std::vector<Mapping> maps = read_maps(tgid);
  for (size_t i = 0; i < tids.size(); ++i) {
    ts_stack_facts stack{tids[i], TS_START_UNKNOWN, 0};
    for (const Mapping& map : maps) {
      if (stack_pointers[i] < map.start || stack_pointers[i] >= map.end) continue;
      stack.stack_bytes = map.end - map.start;
      stack.start = start_of(tgid, map, program, base);
    }
    stacks.push_back(stack);
  }
  return stacks;
}

}  // namespace timeslice::observe
