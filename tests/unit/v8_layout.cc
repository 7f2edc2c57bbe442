// SPDX-License-Identifier: MIT
// Is V8's description of itself read right, and is a V8 refused that can't be read? The integers
// are those that Node 20 and Node 24 export, as far as they are asked for.
#include "runtime/v8_layout.h"

#include "base/failure.h"
#include "runtime/v8_isolate.h"
#include "tests/catch.h"
#include "tests/unit/made_program.h"

namespace timeslice::runtime {

namespace {

using made_program::Description;
using made_program::kNode20;
using made_program::kNode24;
using made_up::Image;
using made_up::Memory;

constexpr uint64_t kBase = 0x400000;

// A program that exports these.
struct Program {
  explicit Program(const Description& description) : image(memory, kBase) {
    made_program::add_description(image, description);
  }
  V8Layout read() {
    image.load();
    return V8Layout::read(memory, *ElfImage::at(memory, kBase));
  }
  // The sentence of the refusal; empty: it was read.
  std::string refusal() {
    try {
      read();
      return "";
    } catch (const Failure& failure) {
      return failure.what();
    }
  }
  Memory memory;
  Image image;
};

Description with(Description description, const std::string& name, int value) {
  description[name] = value;
  return description;
}
Description without(Description description, const std::string& name) {
  description.erase(name);
  return description;
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("V8 13's layout, with code that nobody can forge", "[v8]") {
  const V8Layout layout = Program(kNode24).read();
  CHECK(layout.frames.function == 16);
  CHECK(layout.frames.bytecode_offset == 40);
  CHECK(layout.frames.exits.test(3));
  CHECK(layout.frames.exits.test(28));  // of an API's callback
  CHECK_FALSE(layout.frames.exits.test(23));
  CHECK(layout.frames.known.test(23));
  CHECK(layout.types.shared_function == 282);
  CHECK(layout.types.last_function == 2081);
  CHECK(layout.functions.code == 0);  // it has a handle instead
  CHECK(layout.functions.script == 40);
  CHECK(layout.functions.scope_first_variable == 5);
  CHECK(layout.scripts.id == 64);
  CHECK(layout.scripts.eval_from_shared == 72);
  CHECK(layout.bytecodes.source_positions == 24);
  CHECK(layout.instructions.header == 32);
  CHECK(layout.instructions.size == 56);
  CHECK(layout.instructions.positions == 16);
  CHECK(layout.deoptimization.shared_function == 7);
  CHECK(layout.properties.known);
  CHECK(layout.properties.constructor == 32);
  CHECK(layout.properties.last_context == 229);
}

TEST_CASE("V8 11's layout, which describes code by few names", "[v8]") {
  const V8Layout layout = Program(kNode20).read();
  CHECK(layout.functions.script == 32);
  CHECK(layout.functions.scope_first_variable == 3);
  CHECK(layout.types.last_function == 2082);
  CHECK(layout.types.trusted_byte_array == V8Layout::kNoType);
  CHECK(layout.bytecodes.source_positions == 32);
  CHECK(layout.bytecodes.data == 54);
  CHECK(layout.instructions.header == 16);
  CHECK(layout.instructions.start == 40);
  CHECK(layout.instructions.flags == 48);
  CHECK(layout.instructions.size == 56);
  CHECK(layout.instructions.deoptimization == 16);
  CHECK(layout.deoptimization.shared_function == 6);
  CHECK(layout.properties.known);
  CHECK(layout.properties.constructor == 32);
}

TEST_CASE("a V8 that doesn't say all of properties has functions all the same", "[v8]") {
  CHECK_FALSE(Program(without(kNode24, "prop_index_shift")).read().properties.known);
  CHECK_FALSE(Program(with(kNode24, "prop_desc_size", 4)).read().properties.known);
  CHECK_FALSE(
      Program(with(kNode24, "bit_field3_is_dictionary_map_shift", 40)).read().properties.known);
  CHECK_FALSE(Program(with(kNode24, "class_Map__bit_field3__int", -8)).read().properties.known);
}

TEST_CASE("a V8 that can't be read is refused with a sentence", "[v8]") {
  CHECK(says(Program({{"other", 1}}).refusal(), "doesn't describe itself"));
  CHECK(says(Program(with(kNode24, "TaggedSize", 4)).refusal(), "compresses pointers"));
  CHECK(says(Program(with(kNode24, "SmiShiftSize", 0)).refusal(), "tags values"));
  CHECK(says(Program(with(kNode24, "HeapObjectTagMask", 7)).refusal(), "tags values"));
  CHECK(says(Program(without(kNode24, "class_JSFunction__shared__SharedFunctionInfo")).refusal(),
             "class_JSFunction__shared"));
  CHECK(says(Program(without(kNode24, "type_Script__SCRIPT_TYPE")).refusal(), "type_Script"));
  CHECK(says(Program(with(kNode24, "class_Script__name__Object", -8)).refusal(), "class_Script"));
  CHECK(says(Program(with(kNode24, "class_Script__name__Object", 1 << 20)).refusal(),
             "class_Script"));
  CHECK(says(Program(with(kNode24, "off_fp_function", 16)).refusal(), "off_fp_function"));
  CHECK(says(Program(with(kNode24, "scopeinfo_idx_first_vars", 4)).refusal(), "names"));
  CHECK(Program(kNode24).refusal().empty());
}

}  // namespace timeslice::runtime
