// SPDX-License-Identifier: MIT
#include "runtime/v8_bytecodes.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace timeslice::runtime {

namespace {

using namespace std::string_view_literals;

constexpr auto kTable = "_ZN2v88internal11interpreter9Bytecodes14kBytecodeSizesE";
// What lies near the table where it isn't exported: the constants of the compilation unit before.
constexpr auto kNeighbour = "_ZTVN2v88internal29OptimizingCompileTaskExecutor11CompileTaskE";
constexpr uint64_t kSearched = 8 << 20;  // bytes behind it
constexpr size_t kStep = 256 << 10;
// Four prefixes and an instruction without an operand; then as many of one and more.
constexpr auto kBeginning = "\1\1\1\1\1\2\3\4\5\5\6"sv;
constexpr auto kOfTwoBytes = "\1\1\1\1\1\3"sv;
constexpr auto kOfFourBytes = "\1\1\1\1\1\5"sv;
constexpr size_t kFewest = 100, kMost = 255;  // bytecodes

bool begins(std::span<const uint8_t> bytes, std::string_view with) {
  return bytes.size() >= with.size() &&
         std::equal(with.begin(), with.end(), bytes.begin(),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

// How many bytecodes a table that begins here has. 0: it is none.
size_t count_of(std::span<const uint8_t> bytes) {
  if (!begins(bytes, kBeginning)) return 0;
  for (size_t count = kFewest; count <= kMost && 3 * count <= bytes.size(); ++count)
    if (begins(bytes.subspan(count), kOfTwoBytes) && begins(bytes.subspan(2 * count), kOfFourBytes))
      return count;
  return 0;
}

std::vector<uint8_t> table_in(std::span<const uint8_t> bytes) {
  for (size_t at = 0; at + kBeginning.size() <= bytes.size(); ++at) {
    const auto rest = bytes.subspan(at);
    if (const size_t count = count_of(rest))
      return {rest.begin(), rest.begin() + static_cast<ptrdiff_t>(3 * count)};
  }
  return {};
}

std::vector<uint8_t> search(MemoryReader& memory, uint64_t from) {
  std::vector<uint8_t> bytes(kStep + 3 * kMost);
  for (uint64_t at = from; at < from + kSearched; at += kStep) {
    if (!memory.read(at, bytes.data(), bytes.size())) return {};
    if (auto table = table_in(bytes); !table.empty()) return table;
  }
  return {};
}

}  // namespace

V8BytecodeSizes V8BytecodeSizes::read(MemoryReader& memory, const ElfImage& image) {
  if (const auto table = image.find(memory, kTable)) {
    std::vector<uint8_t> bytes(std::min<uint64_t>(table->size, 3 * kMost));
    if (memory.read(table->address, bytes.data(), bytes.size()) &&
        count_of(bytes) * 3 == bytes.size())
      return V8BytecodeSizes(std::move(bytes));
  }
  const auto neighbour = image.find(memory, kNeighbour);
  return neighbour ? V8BytecodeSizes(search(memory, neighbour->address)) : V8BytecodeSizes();
}

std::optional<uint64_t> V8BytecodeSizes::at(std::span<const uint8_t> bytecodes) const {
  const size_t count = table_.size() / 3;
  if (bytecodes.empty()) return std::nullopt;
  // The first four are prefixes: of wide operands and of extra wide ones, in two forms.
  const bool prefixed = bytecodes[0] < 4;
  const size_t row = !prefixed ? 0 : bytecodes[0] % 2 == 0 ? 1 : 2;
  if (prefixed && bytecodes.size() < 2) return std::nullopt;
  const size_t code = bytecodes[prefixed];
  if (code >= count) return std::nullopt;
  return table_[row * count + code] + (prefixed ? 1u : 0u);
}

}  // namespace timeslice::runtime
