// SPDX-License-Identifier: MIT
#include "runtime/uv_layout.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "runtime/loads.h"

namespace timeslice::runtime {

namespace {

constexpr size_t kMostCode = 256;         // bytes; the largest of these functions has 128
constexpr int64_t kLargestLoop = 4096;    // bytes; uv_loop_t has 848
constexpr int64_t kLargestFields = 1024;  // the internal fields have less than 500

class Exports {
 public:
  Exports(MemoryReader& memory, const ElfImage& image) : memory_(memory), image_(image) {}

  std::vector<Load> loads(std::string_view function) {
    const auto symbol = image_.find(memory_, function);
    if (!symbol) return {};
    return loads_of(image_.code(memory_, function, kMostCode), symbol->address);
  }

 private:
  MemoryReader& memory_;
  const ElfImage& image_;
};

std::optional<uint64_t> within(int64_t displacement, int64_t size) {
  if (displacement < 0 || displacement >= size) return std::nullopt;
  return static_cast<uint64_t>(displacement);
}

// The first load of so many bytes from what `base` points to. A function's first argument is in
// rdi.
const Load* first_load(const std::vector<Load>& loads, Register base, uint32_t bytes) {
  const auto found = std::find_if(loads.begin(), loads.end(), [&](const Load& load) {
    return load.base == base && load.bytes == bytes;
  });
  return found == loads.end() ? nullptr : &*found;
}

std::optional<uint64_t> field_returned(const std::vector<Load>& loads, uint32_t bytes) {
  const Load* load = first_load(loads, Register::rdi, bytes);
  return load ? within(load->displacement, kLargestLoop) : std::nullopt;
}

// uv_metrics_idle_time() takes the internal fields from the loop, and from them two times: since
// when it has been waiting, and how long it had waited before, which stands behind.
bool read_idle_times(const std::vector<Load>& loads, UvLayout& layout) {
  const Load* fields = first_load(loads, Register::rdi, 8);
  if (!fields || fields->to == Register::none) return false;
  const auto internal = within(fields->displacement, kLargestLoop);
  std::set<uint64_t> times;
  for (const Load* load = fields + 1; load < loads.data() + loads.size(); ++load) {
    if (load->base != fields->to || load->bytes != 8) continue;
    if (const auto offset = within(load->displacement, kLargestFields)) times.insert(*offset);
  }
  if (!internal || times.size() != 2) return false;
  layout.internal = *internal;
  layout.entry_time = *times.begin();
  layout.idle_time = *times.rbegin();
  return true;
}

// uv_metrics_info() copies the metrics, which begin with the count of turns; in any order, and
// through whatever registers.
std::optional<uint64_t> count_of_turns(const std::vector<Load>& loads) {
  const Load* fields = first_load(loads, Register::rdi, 8);
  if (!fields) return std::nullopt;
  std::optional<uint64_t> first;
  for (const Load* load = fields + 1; load < loads.data() + loads.size(); ++load) {
    const auto offset = within(load->displacement, kLargestFields);
    if (load->base == fields->to && offset && (!first || *offset < *first)) first = offset;
  }
  return first;
}

UvLayoutAnswer refused(const char* why) { return {std::nullopt, why}; }

}  // namespace

UvLayoutAnswer read_uv_layout(MemoryReader& memory, const ElfImage& image) {
  if (!image.find(memory, "uv_backend_fd")) return refused("it doesn't export libuv's functions");
  Exports exports(memory, image);
  UvLayout layout;
  const auto fd = field_returned(exports.loads("uv_backend_fd"), 4);
  const auto time = field_returned(exports.loads("uv_now"), 8);
  if (!fd || !time || !read_idle_times(exports.loads("uv_metrics_idle_time"), layout))
    return refused("its libuv was compiled in a way that timeslice doesn't know");
  layout.backend_fd = *fd;
  layout.time = *time;
  layout.loop_count = count_of_turns(exports.loads("uv_metrics_info"));
  const auto default_loop = exports.loads("uv_default_loop");
  if (const Load* pointer = first_load(default_loop, Register::rip, 8))
    layout.default_loop_pointer = static_cast<uint64_t>(pointer->displacement);
  return {layout, ""};
}

}  // namespace timeslice::runtime
