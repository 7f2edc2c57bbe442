// SPDX-License-Identifier: MIT
#include "runtime/v8_isolate.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace timeslice::runtime {

namespace {

// The register (r13) points so far into the isolate: near words have short displacements.
constexpr int64_t kRootBias = 128;
constexpr int64_t kLargestDisplacement = 1 << 16;
constexpr int64_t kStateBehindEntryFrame = 16;  // of the same struct, of all versions seen
constexpr uint64_t kLargestIsolate = 256 << 10;
constexpr uint64_t kSmallestBuiltins = 256 << 10, kLargestBuiltins = 16 << 20;
constexpr size_t kEntryBytes = 0x200;  // code of one entry, more or less

int32_t displacement_at(const uint8_t* bytes) {
  int32_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

template <size_t N>
bool is_at(const std::vector<uint8_t>& bytes, size_t at, const std::array<uint8_t, N>& pattern) {
  return at + N <= bytes.size() &&
         std::equal(pattern.begin(), pattern.end(), bytes.begin() + static_cast<ptrdiff_t>(at));
}

// mov %REG, disp(%r13) at `at`, with a displacement of one byte or of four.
struct Store {
  int64_t displacement;
  size_t bytes;
};
std::optional<Store> store_at(const std::vector<uint8_t>& code, size_t at, uint8_t rex,
                              uint8_t near, uint8_t far) {
  if (at + 7 > code.size() || code[at] != rex || code[at + 1] != 0x89) return std::nullopt;
  if (code[at + 2] == near) return Store{static_cast<int8_t>(code[at + 3]), 4};
  if (code[at + 2] == far) return Store{displacement_at(code.data() + at + 3), 7};
  return std::nullopt;
}

}  // namespace

// v8::Isolate::TryGetCurrent returns a thread's own variable: by an offset that the loader has
// written down (mov got(%rip), %rax; mov %fs:(%rax), %rax), or one that the linker knew.
std::optional<int64_t> isolate_thread_offset(MemoryReader& memory, const ElfImage& image) {
  constexpr auto kName = "_ZN2v87Isolate13TryGetCurrentEv";
  constexpr std::array<uint8_t, 3> kLoadSlot = {0x48, 0x8b, 0x05};
  constexpr std::array<uint8_t, 4> kThroughSlot = {0x64, 0x48, 0x8b, 0x00};
  constexpr std::array<uint8_t, 5> kAtOffset = {0x64, 0x48, 0x8b, 0x04, 0x25};
  const auto function = image.find(memory, kName);
  const auto code = image.code(memory, kName, 64);
  for (size_t at = 0; at + 9 <= code.size(); ++at) {
    if (is_at(code, at, kAtOffset)) return displacement_at(code.data() + at + kAtOffset.size());
    if (!is_at(code, at, kLoadSlot)) continue;
    // What is in between restores the caller's frame pointer, if anything.
    const size_t end = at + 7;
    if (!is_at(code, end, kThroughSlot) && !is_at(code, end + 1, kThroughSlot)) continue;
    const uint64_t slot = function->address + end +
                          static_cast<uint64_t>(int64_t{displacement_at(code.data() + at + 3)});
    return memory.get<int64_t>(slot);
  }
  return std::nullopt;
}

// Four words side by side: the code's address and size, its data's address and size. In a table of
// functions' addresses four may look like that, but for the data.
CodeRange builtins_of_isolate(MemoryReader& memory, uint64_t isolate, const V8Code& code) {
  struct Blob {
    uint64_t code, code_size, data, data_size;
  };
  for (uint64_t at = 0; at < kLargestIsolate; at += 8) {
    const auto blob = memory.get<Blob>(isolate + at);
    if (!blob) break;
    const uint64_t code_size = blob->code_size & UINT32_MAX,
                   data_size = blob->data_size & UINT32_MAX;
    if (blob->code == 0 || blob->code % 4096 != 0 || code_size < kSmallestBuiltins ||
        code_size > kLargestBuiltins || data_size < 4096 || data_size > code_size)
      continue;
    const CodeRange range{blob->code, blob->code + code_size};
    if (code.is_mapped(range.start) && code.is_mapped(range.end - 1) &&
        !code.is_mapped(blob->data) && memory.get<uint64_t>(blob->data))
      return range;
  }
  return {};
}

// An entry from C++ saves the caller's registers, takes the isolate's, and then saves the frame at
// which JavaScript had left before: push disp(%r13). A little later it asks whether it is the
// outermost: mov disp(%r13), %rax; test %rax, %rax.
bool V8IsolateOffsets::read_entries(const std::vector<uint8_t>& builtins) {
  constexpr std::array<uint8_t, 4> kBegin = {0x55, 0x48, 0x89, 0xe5};  // push %rbp; mov %rsp, %rbp
  constexpr std::array<uint8_t, 19> kSave = {0x48, 0x83, 0xec, 0x08, 0x41, 0x54, 0x41,
                                             0x55, 0x41, 0x56, 0x41, 0x57, 0x53, 0x4c,
                                             0x8b, 0xef, 0x41, 0xff, 0xb5};
  constexpr std::array<uint8_t, 3> kLoad = {0x49, 0x8b, 0x85};
  constexpr std::array<uint8_t, 3> kTest = {0x48, 0x85, 0xc0};
  constexpr size_t kType = 6;  // bytes to there: push $TYPE is in between
  size_t last = 0;
  for (size_t at = 0; at + kEntryBytes <= builtins.size(); ++at) {
    if (!is_at(builtins, at, kBegin) || !is_at(builtins, at + kType, kSave)) continue;
    const int64_t exit_frame = displacement_at(builtins.data() + at + kType + kSave.size());
    if (exit_frame_ != 0 && exit_frame != exit_frame_) return false;
    exit_frame_ = exit_frame;
    for (size_t in = at + kType + kSave.size(); entry_frame_ == 0 && in < at + kEntryBytes; ++in)
      if (is_at(builtins, in, kLoad) && is_at(builtins, in + 7, kTest))
        entry_frame_ = displacement_at(builtins.data() + in + kLoad.size());
    last = at;
  }
  // JSEntry, JSConstructEntry, JSRunMicrotasksEntry: in this order in all versions.
  microtasks_entry_ = {last, last + kEntryBytes};
  return exit_frame_ > 0 && entry_frame_ > 0;
}

// A call of C that may not allocate notes two words before: mov %r10, pc(%r13); mov %rbp, fp(%r13).
// There are hundreds of those, all alike.
bool V8IsolateOffsets::read_fast_call(const std::vector<uint8_t>& builtins) {
  std::map<std::pair<int64_t, int64_t>, int> seen;
  for (size_t at = 0; at + 14 <= builtins.size(); ++at) {
    const auto pc = store_at(builtins, at, 0x4d, 0x55, 0x95);
    const auto frame = pc ? store_at(builtins, at + pc->bytes, 0x49, 0x6d, 0xad) : std::nullopt;
    if (frame) ++seen[{pc->displacement, frame->displacement}];
  }
  const auto most = std::max_element(
      seen.begin(), seen.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == seen.end() || most->second < 50) return false;
  std::tie(fast_call_pc_, fast_call_frame_) = most->first;
  return true;
}

std::optional<V8IsolateOffsets> V8IsolateOffsets::read(MemoryReader& memory, const ElfImage& image,
                                                       const V8Code& code) {
  const CodeRange builtins = code.builtins();
  const auto thread = isolate_thread_offset(memory, image);
  if (builtins.empty() || !thread) return std::nullopt;
  std::vector<uint8_t> bytes(builtins.end - builtins.start);
  if (!memory.read(builtins.start, bytes.data(), bytes.size())) return std::nullopt;
  V8IsolateOffsets offsets;
  offsets.thread_offset_ = *thread;
  if (!offsets.read_entries(bytes) || !offsets.read_fast_call(bytes)) return std::nullopt;
  for (const int64_t at :
       {offsets.exit_frame_, offsets.fast_call_frame_, offsets.fast_call_pc_, offsets.entry_frame_})
    if (at < -kRootBias || at > kLargestDisplacement) return std::nullopt;
  return offsets;
}

std::optional<V8Isolate> V8IsolateOffsets::isolate_of(MemoryReader& memory,
                                                      uint64_t fs_base) const {
  const auto address = memory.get<uint64_t>(fs_base + static_cast<uint64_t>(thread_offset_));
  if (!address || *address == 0 || *address % 8 != 0) return std::nullopt;
  const uint64_t root = *address + kRootBias;
  const auto word = [&](int64_t at) {
    return memory.get<uint64_t>(root + static_cast<uint64_t>(at));
  };
  const auto exit = word(exit_frame_), frame = word(fast_call_frame_), pc = word(fast_call_pc_),
             entry = word(entry_frame_), state = word(entry_frame_ + kStateBehindEntryFrame);
  if (!exit || !frame || !pc || !entry || !state) return std::nullopt;
  V8Isolate isolate{*address, *exit, *frame, *pc, *entry, V8State::kUnknown};
  const auto number = static_cast<uint32_t>(*state);
  if (number <= static_cast<uint32_t>(V8State::kIdle)) isolate.state = V8State{number};
  return isolate;
}

}  // namespace timeslice::runtime
