// SPDX-License-Identifier: MIT
#include "runtime/v8_code.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace timeslice::runtime {

namespace {

constexpr uint64_t kLargestBuiltins = 16 << 20;

bool in_one(const std::vector<CodeRange>& ranges, uint64_t address) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const CodeRange& range) { return range.contains(address); });
}

// The variable that a function of one load returns: mov disp(%rip), %eax or %rax.
std::optional<uint64_t> loaded_by(MemoryReader& memory, const ElfImage& image, const char* name,
                                  bool wide) {
  const auto function = image.find(memory, name);
  const auto code = image.code(memory, name, 8);
  const size_t prefix = wide ? 1 : 0;
  if (!function || code.size() < prefix + 6 || (wide && code[0] != 0x48) || code[prefix] != 0x8b ||
      code[prefix + 1] != 0x05)
    return std::nullopt;
  int32_t displacement;
  std::memcpy(&displacement, code.data() + prefix + 2, sizeof(displacement));
  const uint64_t next = function->address + prefix + 6;
  return next + static_cast<uint64_t>(int64_t{displacement});
}

// Where the program's own mapping has what this one, a part of the same file, has as well. Empty:
// it is no second mapping.
CodeRange original_of(const ExecutableMapping& copy, const std::vector<ExecutableMapping>& all) {
  const uint64_t bytes = copy.end - copy.start;
  for (const ExecutableMapping& whole : all) {
    const uint64_t within = copy.file_offset - whole.file_offset;
    const uint64_t size = whole.end - whole.start;
    if (!whole.of_image || size <= bytes || copy.file_offset < whole.file_offset ||
        within > size - bytes || whole.start + within == copy.start)
      continue;
    return {whole.start + within, whole.start + within + bytes};
  }
  return {};
}

}  // namespace

CodeRange exported_builtins(MemoryReader& memory, const ElfImage& image) {
  const auto code =
      loaded_by(memory, image, "_ZN2v88internal7Isolate23CurrentEmbeddedBlobCodeEv", true);
  const auto size =
      loaded_by(memory, image, "_ZN2v88internal7Isolate27CurrentEmbeddedBlobCodeSizeEv", false);
  if (!code || !size) return {};
  const auto start = memory.get<uint64_t>(*code);
  const auto bytes = memory.get<uint32_t>(*size);
  if (!start || !bytes || *start == 0 || *bytes > kLargestBuiltins) return {};
  return {*start, *start + *bytes};
}

V8Code::V8Code(const std::vector<ExecutableMapping>& mappings, CodeRange builtins) {
  if (!builtins.empty()) builtins_.push_back(builtins);
  for (const ExecutableMapping& mapping : mappings) {
    if (mapping.start >= mapping.end) continue;
    mapped_.push_back({mapping.start, mapping.end});
    if (mapping.anonymous) compiled_.push_back({mapping.start, mapping.end});
    if (!mapping.of_image) continue;
    const CodeRange original = original_of(mapping, mappings);
    if (original.empty() || mapping.end - mapping.start > kLargestBuiltins) continue;
    if (builtins_.empty()) builtins_.push_back(original);
    builtins_.push_back({mapping.start, mapping.end});
  }
}

std::optional<uint64_t> V8Code::builtin_offset(uint64_t address) const {
  for (const CodeRange& copy : builtins_)
    if (copy.contains(address)) return address - copy.start;
  return std::nullopt;
}

bool V8Code::is_builtin(uint64_t address) const { return in_one(builtins_, address); }
bool V8Code::is_mapped(uint64_t address) const { return in_one(mapped_, address); }
bool V8Code::is_compiled(uint64_t address) const { return in_one(compiled_, address); }

}  // namespace timeslice::runtime
