// SPDX-License-Identifier: MIT
// Are libuv's offsets read out of its machine code as compilers write it, and is nothing taken for
// a loop that isn't one? The code is what GCC and Clang make of functions with this purpose.
#include "runtime/uv_loop.h"

#include "runtime/loads.h"
#include "tests/catch.h"
#include "tests/unit/made_uv.h"

namespace timeslice::runtime {

namespace {

using namespace made_uv;
using made_up::Image;
using made_up::Memory;

constexpr uint64_t kBase = 0x7f0000400000;

UvLayoutAnswer layout_of(Memory& memory, const Shape& shape) {
  Image image(memory, kBase);
  add_libuv(image, shape);
  image.load();
  return read_uv_layout(memory, *ElfImage::at(memory, kBase));
}

}  // namespace

TEST_CASE("libuv's offsets are those that its code has") {
  for (const Shape& shape : {Shape{}, Shape{.fd = 0x48, .idle_time = 0xa0}}) {
    Memory memory;
    const UvLayoutAnswer answer = layout_of(memory, shape);
    REQUIRE(answer.layout);
    CHECK(answer.refusal.empty());
    CHECK(answer.layout->backend_fd == shape.fd);
    CHECK(answer.layout->time == 0x220);
    CHECK(answer.layout->internal == 0x28);
    CHECK(answer.layout->entry_time == 0x88);
    CHECK(answer.layout->idle_time == shape.idle_time);
    CHECK(answer.layout->loop_count == 8U);
    const uint64_t code = ElfImage::at(memory, kBase)->find(memory, "uv_default_loop")->address;
    CHECK(answer.layout->default_loop_pointer == code + 7 + 0x1000);
  }
}

TEST_CASE("a libuv without metrics has a layout without turns") {
  Memory memory;
  const UvLayoutAnswer answer = layout_of(memory, {.has_metrics = false});
  REQUIRE(answer.layout);
  CHECK_FALSE(answer.layout->loop_count);
}

TEST_CASE("a program without libuv, and code that says nothing, are refused with a reason") {
  Memory memory;
  Image without(memory, kBase);
  without.add("main", {kReturn});
  without.load();
  const auto none = read_uv_layout(memory, *ElfImage::at(memory, kBase));
  CHECK_FALSE(none.layout);
  CHECK(none.refusal == "it doesn't export libuv's functions");

  // Each function in turn does nothing.
  for (const std::string broken : {"uv_now", "uv_backend_fd", "uv_metrics_idle_time"}) {
    Memory other;
    Image image(other, kBase);
    add_libuv(image, {});
    image.load();
    const auto loaded = ElfImage::at(other, kBase);
    const uint64_t code = loaded->find(other, broken)->address;
    other.put(code, kReturn);
    other.put(code + 1,
              std::array<uint8_t, 12>{kReturn, kReturn, kReturn, kReturn, kReturn, kReturn, kReturn,
                                      kReturn, kReturn, kReturn, kReturn, kReturn});
    const auto answer = read_uv_layout(other, *loaded);
    CAPTURE(broken);
    CHECK_FALSE(answer.layout);
    CHECK(answer.refusal == "its libuv was compiled in a way that timeslice doesn't know");
  }
}

TEST_CASE("idle times that are one, three or out of bounds are refused") {
  for (const uint32_t idle_time : {0x88U, 0x7fffffffU, 0x80000000U}) {
    Memory memory;
    CAPTURE(idle_time);
    CHECK_FALSE(layout_of(memory, {.idle_time = idle_time}).layout);
  }
}

TEST_CASE("a loop is known by its descriptor, its ring of handles and its fields") {
  Memory memory;
  const UvLayout layout = *layout_of(memory, {}).layout;
  put_loop(memory, layout);
  CHECK(is_uv_loop(memory, layout, kLoop, 13));
  CHECK_FALSE(is_uv_loop(memory, layout, kLoop, 14));
  CHECK(uv_loop_fd(memory, layout, kLoop) == 13);
  const auto state = read_uv_loop(memory, layout, kLoop);
  REQUIRE(state);
  CHECK(state->entry_ns == 5000);
  CHECK(state->idle_ns == 6000);
  CHECK(state->time_ms == 77);
  CHECK(state->turns == 9U);
  const auto count_at = uv_turn_count_at(memory, layout, kLoop);
  REQUIRE(count_at);
  CHECK(memory.get<uint64_t>(*count_at) == 9U);
  UvLayout older = layout;
  older.loop_count.reset();
  CHECK_FALSE(uv_turn_count_at(memory, older, kLoop));
}

TEST_CASE("where a loop kept its fields at the last look is asked first, and not believed") {
  Memory memory;
  const UvLayout layout = *layout_of(memory, {}).layout;
  put_loop(memory, layout);
  constexpr uint64_t kOther = 0x7f0000a00000;  // readable, and not the loop's
  memory.block(kOther, 512);
  memory.put(kOther, std::array<uint64_t, 64>{1, 2, 3});
  for (const uint64_t fields : {uint64_t{0}, kFields, kOther, uint64_t{0x7f0000b00000}}) {
    CAPTURE(fields);
    const auto state = read_uv_loop(memory, layout, kLoop, fields);
    REQUIRE(state);
    CHECK(state->entry_ns == 5000);
    CHECK(state->turns == 9U);
    CHECK(state->fields == kFields);
  }
  memory.put(kLoop + layout.internal, uint64_t{8});
  CHECK_FALSE(read_uv_loop(memory, layout, kLoop, kFields));
}

TEST_CASE("what only looks like a loop at first sight is none") {
  Memory memory;
  const UvLayout layout = *layout_of(memory, {}).layout;
  put_loop(memory, layout);
  CHECK_FALSE(uv_loop_fd(memory, layout, kLoop + 1));  // not aligned
  CHECK_FALSE(uv_loop_fd(memory, layout, 0));
  CHECK_FALSE(uv_loop_fd(memory, layout, UINT64_MAX - 7));
  CHECK_FALSE(uv_loop_fd(memory, layout, kFields));  // readable, and no loop

  memory.put(kLoop + layout.backend_fd, int32_t{-1});
  CHECK_FALSE(uv_loop_fd(memory, layout, kLoop));
  put_loop(memory, layout);
  memory.put(kLoop + layout.internal, uint64_t{0x7f0000900000});
  CHECK_FALSE(uv_loop_fd(memory, layout, kLoop));
  put_loop(memory, layout);
  memory.put(kLoop + 16, kFields);  // whose handles don't lead back
  CHECK_FALSE(uv_loop_fd(memory, layout, kLoop));
  put_loop(memory, layout);
  memory.put(kLoop + 24, kFields);
  CHECK_FALSE(uv_loop_fd(memory, layout, kLoop));
}

TEST_CASE("loads are told with their base, distance and width, up to what is no instruction") {
  // mov 0x8(%r13),%ecx; lea 0x10(%rdi),%rsi; mov %fs:0x28,%rax; mov (%rax,%rbx,8),%rcx;
  // movzwl -0x2(%r8),%edx; an opcode that there isn't; mov 0x8(%rdi),%rax
  const Code code = {0x41, 0x8b, 0x4d, 0x08, 0x48, 0x8d, 0x77, 0x10, 0x64, 0x48, 0x8b,
                     0x04, 0x25, 0x28, 0,    0,    0,    0x48, 0x8b, 0x0c, 0xd8, 0x41,
                     0x0f, 0xb7, 0x50, 0xfe, 0x06, 0x48, 0x8b, 0x47, 0x08};
  const std::vector<Load> loads = loads_of(code, 0x1000);
  REQUIRE(loads.size() == 3);
  CHECK(loads[0].base == Register::r13);
  CHECK(loads[0].displacement == 8);
  CHECK(loads[0].bytes == 4);
  CHECK(loads[0].to == Register::rcx);
  CHECK(loads[1].base == Register::rdi);
  CHECK(loads[1].bytes == 0);
  CHECK(loads[1].to == Register::rsi);
  CHECK(loads[2].base == Register::r8);
  CHECK(loads[2].displacement == -2);
  CHECK(loads[2].bytes == 2);
}

}  // namespace timeslice::runtime
