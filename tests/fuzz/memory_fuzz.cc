// SPDX-License-Identifier: MIT
// What may be in a process's memory? What is read of a live runtime is read from memory that its
// owner may have made up, or that changes meanwhile. An input is a list of changes to the memory of
// a process that never was (tests/unit/made_process.h): each changes a word just as it is read, the
// so-many-th after the one before; so what is changed is what somebody relies on. Whatever comes of
// it, each look ends, reads no more than it may, makes no name longer than it may be, and gives a
// reason for what it refuses.
//
// Run by `make fuzz SECONDS=60`.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.h"
#include "runtime/cached_reader.h"
#include "runtime/published_loops.h"
#include "runtime/uv_layout.h"
#include "runtime/uv_loop.h"
#include "runtime/uv_pool.h"
#include "runtime/v8_stack.h"
#include "tests/unit/made_process.h"
#include "tests/unit/made_published.h"
#include "tests/unit/made_uv.h"

namespace {

using namespace timeslice;
using namespace timeslice::runtime;
using made_process::kLeaves;
using made_process::Leaf;
using made_process::Process;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

// An input's numbers, in their order; zeros once there are no more.
class Numbers {
 public:
  Numbers(const uint8_t* data, size_t size) : data_(data), left_(size) {}

  [[nodiscard]] bool any() const { return left_ > 0; }
  template <typename T>
  T next() {
    T number{};
    const size_t bytes = std::min(left_, sizeof(T));
    std::memcpy(&number, data_, bytes);
    data_ += bytes;
    left_ -= bytes;
    return number;
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

// What an input begins with: who is looked at, and by which registers.
struct Head {
  uint8_t look = 0, target = 0;
  uint8_t changed = 0;  // bits: which registers aren't the target's own
  uint8_t unused = 0;
  int16_t near[2] = {};  // so far from them
  uint64_t other[3] = {};
};

// One change, as an input has it.
struct Change {
  uint32_t after = 0;  // so many reads
  uint16_t how = 0, where = 0;
  uint64_t value = 0;
};

class ChangingMemory : public MemoryReader {
 public:
  ChangingMemory(MemoryReader& below, Numbers& numbers) : below_(below), numbers_(numbers) {
    take_next();
  }

  [[nodiscard]] bool read(uint64_t address, void* to, size_t bytes) override {
    require(++reads_ < kMostReads, "a look ends");
    bytes_read += bytes;
    while (has_next_ && next_.after == 0) {
      change(address, bytes);
      take_next();
    }
    if (has_next_) --next_.after;
    return read_changed(address, to, bytes);
  }
  // From now on the memory is as it is by now.
  void stop() { has_next_ = false; }

  size_t bytes_read = 0;

 private:
  static constexpr size_t kMostReads = 4 << 20;
  static constexpr size_t kMostChanges = 64, kRemembered = 64;

  void take_next() {
    has_next_ = numbers_.any() && ++taken_ <= kMostChanges;
    if (has_next_) next_ = numbers_.next<Change>();
  }

  bool read_changed(uint64_t address, void* to, size_t bytes) {
    if (!below_.read(address, to, bytes)) return false;
    remember(address);
    for (const auto& [at, word] : changed_) {
      const uint64_t from = std::max(at, address);
      const uint64_t end = std::min(at + 8, address + bytes);
      if (from < end && at + 8 > at)
        std::memcpy(static_cast<uint8_t*>(to) + (from - address),
                    reinterpret_cast<const uint8_t*>(&word) + (from - at), end - from);
    }
    return true;
  }

  void change(uint64_t address, size_t bytes) {
    const uint64_t at = address + (bytes > 8 ? next_.where % (bytes / 8) * 8 : 0);
    uint64_t word = 0;
    if (!read_changed(at, &word, sizeof(word))) return;
    changed_[at] = replacement(word);
  }

  // Another word that was read, or near it, or one of those that go wrong.
  uint64_t replacement(uint64_t word) {
    const uint64_t value = next_.value;
    uint64_t other = read_[value % kRemembered];
    switch (next_.how % 10) {
      case 0:
        return value;
      case 1:
        return word ^ uint64_t { 1 } << value % 64;
      case 2:
        return word + value % 512 - 256;
      case 3:
        return made_heap::small(static_cast<int32_t>(value));
      case 4:
        return other;  // an address
      case 5:
        return other + 1;  // an object
      case 6:
        return other / 4096 * 4096 + 4096 - value / kRemembered % 16;
      case 7:
        return (word & ~uint64_t{UINT32_MAX}) | (value & UINT32_MAX);
      case 8:
        return (word & UINT32_MAX) | value << 32;
      default: {
        uint64_t there = word;
        (void)read_changed(other, &there, sizeof(there));
        return there;
      }
    }
  }

  void remember(uint64_t address) { read_[remembered_++ % kRemembered] = address; }

  MemoryReader& below_;
  Numbers& numbers_;
  Change next_;
  bool has_next_ = false;
  size_t taken_ = 0, reads_ = 0, remembered_ = 0;
  std::map<uint64_t, uint64_t> changed_;  // words
  uint64_t read_[kRemembered] = {};
};

// -- V8's stacks

constexpr size_t kLongestName = 256 * 3, kLongestFile = 1024 * 3;  // bytes, of units
constexpr size_t kDeepestInlining = 32;

void require_sentence(const Failure& failure) {
  const std::string_view why = failure.what(), begins = "cannot name JavaScript functions: ";
  require(why.substr(0, begins.size()) == begins && why.size() > begins.size(),
          "a refusal is a sentence");
}

void check_frame(const JsFrame& frame) {
  require(frame.function.size() <= kLongestName, "a function's name is short");
  require(frame.file.size() <= kLongestFile, "a file's name is short");
  require(frame.line >= 0 && frame.column >= 0, "lines and columns aren't negative");
  require((frame.line == 0) == (frame.column == 0), "a line has a column");
  require(!frame.exact || frame.line > 0, "what is exact is known");
}

void check_stack(const JsStack& stack, const JsStackLimits& limits) {
  for (const JsFrame& frame : stack.frames) check_frame(frame);
  require(stack.dropped.empty() || stack.frames.empty(), "what is dropped has no frames");
  require(stack.frames.size() <= 1024 + limits.frames * (kDeepestInlining + 1),
          "a stack has so many frames");
  require(stack.bytes_read <= limits.bytes, "a sample reads so many bytes");
}

// Of a process with that thread; whoever wants it changed reads through ChangingMemory.
struct Target {
  explicit Target(const made_program::Description& description, Leaf leaf)
      : process(description, leaf), stacks(process, made_process::kImage, Process::mappings()) {
    const auto image = ElfImage::at(process, made_process::kImage);
    layout = V8Layout::read(process, *image);
    offsets = V8IsolateOffsets::read(process, *image, code);
    require(stacks.sample(process, process.registers()).dropped.empty(),
            "a stack as it is is named");
  }

  Process process;
  V8Stacks stacks;
  V8Layout layout;
  V8Code code{Process::mappings()};
  std::optional<V8IsolateOffsets> offsets;
};

Target& target(uint8_t number) {
  static std::vector<std::unique_ptr<Target>> targets;
  if (targets.empty())
    for (const auto* description : {&made_program::kNode24, &made_program::kNode20})
      for (int leaf = 0; leaf < kLeaves; ++leaf)
        targets.push_back(std::make_unique<Target>(*description, static_cast<Leaf>(leaf)));
  return *targets[number % targets.size()];
}

V8Registers registers_of(const Target& target, const Head& head) {
  V8Registers registers = target.process.registers();
  const auto near = [&](int i) { return static_cast<uint64_t>(int64_t{head.near[i]}); };
  if (head.changed & 1) registers.ip += near(0);
  if (head.changed & 2) registers.sp += near(0);
  if (head.changed & 4) registers.bp += near(1);
  if (head.changed & 8) registers.sp = head.other[0];
  if (head.changed & 16) registers.bp = head.other[1];
  if (head.changed & 32) registers.fs_base = head.other[2];
  return registers;
}

// By the parts that a sample is made of, whose every word is asked for anew; then as a whole.
void look_at_stack(const Head& head, Numbers& numbers) {
  Target& of = target(head.target);
  const V8Registers registers = registers_of(of, head);
  const JsStackLimits limits{64, 1 << 20, true};
  ChangingMemory memory(of.process, numbers);
  {
    V8Heap heap(memory, of.layout);
    V8Known known;
    const V8Ground ground{heap, of.code, &*of.offsets,
                          of.offsets->isolate_of(memory, registers.fs_base)};
    const V8Walked walked = walk(ground, registers, limits.frames);
    require(walked.dropped.empty() || walked.frames.empty(), "what is dropped has no frames");
    V8Naming naming(ground, known, registers.sp);
    std::vector<JsFrame> frames;
    for (const V8Frame& frame : walked.frames)
      if (frame.function && !naming.name(frame, frames)) break;
    for (const JsFrame& frame : frames) check_frame(frame);
  }
  memory.stop();
  V8Stacks stacks = of.stacks;
  const size_t before = memory.bytes_read;
  const JsStack stack = stacks.sample(memory, registers, limits);
  require(memory.bytes_read - before <= limits.bytes, "no more is read than is counted");
  check_stack(stack, limits);
}

// What is read once of a process: its image, and V8's description of itself.
void look_at_program(const Head& head, Numbers& numbers) {
  Target& of = target(head.target);
  ChangingMemory memory(of.process, numbers);
  try {
    const auto image = ElfImage::at(memory, made_process::kImage);
    if (image) {
      (void)V8Layout::read(memory, *image);
      (void)V8BytecodeSizes::read(memory, *image);
      const V8Code code(Process::mappings(), exported_builtins(memory, *image));
      const auto offsets = V8IsolateOffsets::read(memory, *image, code);
      if (offsets) (void)offsets->isolate_of(memory, made_process::kThread);
      (void)builtins_of_isolate(memory, made_process::kIsolate, code);
    }
  } catch (const Failure& failure) {
    require_sentence(failure);
  }
  memory.stop();
  const JsStackLimits limits{64, 1 << 20, true};
  try {
    V8Stacks stacks(memory, made_process::kImage, Process::mappings());
    check_stack(stacks.sample(memory, of.process.registers(), limits), limits);
  } catch (const Failure& failure) {
    require_sentence(failure);
  }
}

// -- libuv's loops and pool

class Both : public MemoryReader {
 public:
  Both(MemoryReader& one, MemoryReader& other) : one_(one), other_(other) {}
  [[nodiscard]] bool read(uint64_t address, void* to, size_t bytes) override {
    return one_.read(address, to, bytes) || other_.read(address, to, bytes);
  }

 private:
  MemoryReader &one_, &other_;
};

constexpr uint64_t kLibuv = 0x7f0000400000;

struct Libuv {
  Libuv() : image(loop, kLibuv) {
    made_uv::add_libuv(image, {});
    image.load();
    const UvLayoutAnswer answer = read_uv_layout(loop, *ElfImage::at(loop, kLibuv));
    require(answer.layout.has_value(), "a libuv as it is can be read");
    made_uv::put_loop(loop, *answer.layout);
    pool.set(4, 0);
    std::vector<uint64_t> waiting;
    for (int i = 0; i < 30; ++i) waiting.push_back(pool.fs(i % 40, "/a/path"));
    waiting.push_back(made_uv::kPlaces.slow_node);
    waiting.push_back(pool.work("zlib"));
    pool.close(waiting, made_uv::kPlaces.queue);
    pool.close({pool.look_up("host.invalid"), pool.request(9, 72, 64), pool.request(10, 104, 64)},
               made_uv::kPlaces.slow_queue);
  }
  made_up::Memory loop;
  made_up::Image image;
  made_uv::Pool pool;
  Both both{loop, pool.memory};
};

void look_at_loop(MemoryReader& memory) {
  const auto image = ElfImage::at(memory, kLibuv);
  if (!image) return;
  const UvLayoutAnswer answer = read_uv_layout(memory, *image);
  require(answer.layout.has_value() == answer.refusal.empty(), "a refusal has a reason");
  if (!answer.layout) return;
  const auto fd = uv_loop_fd(memory, *answer.layout, made_uv::kLoop);
  require(!fd || *fd >= 0, "a descriptor isn't negative");
  (void)is_uv_loop(memory, *answer.layout, made_uv::kLoop, 13);
  (void)read_uv_loop(memory, *answer.layout, made_uv::kLoop);
  if (answer.layout->default_loop_pointer)
    (void)memory.get<uint64_t>(*answer.layout->default_loop_pointer);
}

void look_at_pool(MemoryReader& memory) {
  constexpr size_t kMostShown = 20, kLongestText = 256;
  if (const auto counts = read_uv_pool(memory, made_uv::kPlaces)) {
    require(counts->idle <= counts->threads, "no more threads are idle than there are");
    require(counts->queued.value_or(0) <= kMostJobs && counts->slow.value_or(0) <= kMostJobs,
            "so many jobs wait");
  }
  const auto jobs = read_uv_jobs(memory, made_uv::kPlaces, kMostShown);
  if (!jobs) return;
  require(jobs->queued <= kMostJobs && jobs->slow <= kMostJobs, "so many jobs wait");
  require(jobs->jobs.size() <= 2 * kMostShown, "so many jobs are told");
  for (const UvJob& job : jobs->jobs)
    require(!job.kind.empty() && job.what.size() <= kLongestText, "a job has a kind, and no essay");
}

void look_at_libuv(Numbers& numbers) {
  static Libuv libuv;
  // Rings three times each, with a limit on nodes; and a few words of each job and text.
  constexpr size_t kMostBytes = size_t{4} * 3 * (kMostJobs + 2) * 16 + (64 << 10);
  ChangingMemory memory(libuv.both, numbers);
  look_at_loop(memory);
  const size_t before = memory.bytes_read;
  look_at_pool(memory);
  require(memory.bytes_read - before <= kMostBytes, "a pool's look reads so many bytes");
}

// -- our own loops

struct Published {
  Published() {
    for (const uint32_t number : {0U, 1U, 5U, 255U}) table.put(number, Table::loop(number));
    table.name(made_published::kNames, "poll");
    table.name(made_published::kNames + 8, "recv_many");
  }
  using Table = made_published::Table;
  Table table;
};

void look_at_published(Numbers& numbers) {
  static Published published;
  constexpr size_t kLongestName = 24, kMostBytes = 2 * sizeof(PublishedLoops) + (256 << 10);
  ChangingMemory memory(published.table.memory, numbers);
  const auto answer = read_published_table(memory, made_published::kTable);
  if (answer.table) {
    require(answer.why.empty(), "what is refused isn't read");
    const auto loops = read_published_loops(memory, made_published::kTable, *answer.table);
    require(loops.size() <= kMostPublishedLoops, "so many loops are told");
    for (const PublishedLoopState& loop : loops) {
      (void)read_published_loop(memory, loop.address, loop.serial);
      if (const auto pool = read_published_pool(memory, loop.address))
        require(pool->idle <= pool->threads, "no more threads are idle than there are");
      require(published_phase(memory, loop).size() < kLongestName, "a name is short");
      require(published_callback(memory, loop).size() < kLongestName, "a name is short");
    }
  }
  require(memory.bytes_read <= kMostBytes, "a look reads so many bytes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Numbers numbers(data, size);
  const auto head = numbers.next<Head>();
  switch (head.look % 16) {
    case 0:
      look_at_program(head, numbers);
      break;
    case 1:
    case 2:
      look_at_libuv(numbers);
      break;
    case 3:
      look_at_published(numbers);
      break;
    default:
      look_at_stack(head, numbers);
  }
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

// Most mutations are of one change as a whole.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  std::minstd_rand random(seed);
  if (random() % 4 == 0 || most < sizeof(Head) + sizeof(Change))
    return LLVMFuzzerMutate(data, size, most);
  if (size < sizeof(Head)) {
    std::memset(data + size, 0, sizeof(Head) - size);
    data[0] = static_cast<uint8_t>(random());
    data[1] = static_cast<uint8_t>(random());
    size = sizeof(Head);
  }
  size_t changes = (size - sizeof(Head)) / sizeof(Change);
  const size_t room = (most - sizeof(Head)) / sizeof(Change);
  const size_t place = changes ? random() % (changes + 1) : 0;
  uint8_t* const at = data + sizeof(Head) + place * sizeof(Change);
  if (changes > 0 && place < changes && random() % 4 == 0) {  // out
    --changes;
    std::memmove(at, at + sizeof(Change), (changes - place) * sizeof(Change));
  } else if (place == changes || (random() % 2 && changes < room)) {  // a new one
    if (changes == room) return size;
    std::memmove(at + sizeof(Change), at, (changes - place) * sizeof(Change));
    ++changes;
    const uint64_t wide = uint64_t{random()} << 32 ^ random();
    const Change made{static_cast<uint32_t>(random() % (1U << random() % 13)),
                      static_cast<uint16_t>(random() % 10), static_cast<uint16_t>(random()),
                      wide >> random() % 64};
    std::memcpy(at, &made, sizeof(made));
  } else {
    Change changed;
    std::memcpy(&changed, at, sizeof(changed));
    switch (random() % 4) {
      case 0:
        changed.after += random() % 17 - 8;
        break;
      case 1:
        changed.how = static_cast<uint16_t>(random() % 10);
        break;
      case 2:
        changed.where = static_cast<uint16_t>(random());
        break;
      default:
        changed.value = (uint64_t{random()} << 32 ^ random()) >> random() % 64;
    }
    std::memcpy(at, &changed, sizeof(changed));
  }
  return sizeof(Head) + changes * sizeof(Change);
}
