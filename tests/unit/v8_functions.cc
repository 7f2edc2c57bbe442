// SPDX-License-Identifier: MIT
// Is a function called by its name, and which names are doubted?
#include "runtime/v8_functions.h"

#include "tests/catch.h"
#include "tests/unit/made_heap.h"

using namespace timeslice::runtime;

namespace {

struct Functions {
  explicit Functions(const V8Layout& layout = made_heap::layout()) : made(pages, layout) {}
  std::optional<V8Function> read(uint64_t shared) {
    V8Heap view(pages, made.at);
    return read_function(view, shared);
  }
  made_heap::Pages pages;
  made_heap::Heap made;
  uint64_t script = made.script(7, "/srv/app.js", "function f() {}\n");
};

void set_flags(Functions& f, uint64_t scope, uint64_t flags) { f.pages.put(scope - 1 + 8, flags); }

}  // namespace

TEST_CASE("a function's name is among its variables' description", "[v8]") {
  Functions f;
  for (const uint64_t variables : {0, 1, 74, 75, 300}) {
    const auto read = f.read(f.made.shared(f.made.scope("named", 42, variables), f.script, 0));
    REQUIRE(read);
    CHECK(read->name == "named");
    CHECK(read->start == 42);
    REQUIRE(read->script);
    CHECK(read->script->tagged == f.script);
  }
}

TEST_CASE("before V8 12.8 a function's beginning is behind its name", "[v8]") {
  V8Layout older = made_heap::layout();
  older.functions.scope_first_variable = 3;
  Functions f(older);
  const uint64_t scope = f.made.scope("named", 42, 2);
  const auto flags = uint64_t{1 << 12} << 32;  // and the flags are a small integer
  f.pages.put(scope - 1 + 8, flags);
  const auto read = f.read(f.made.shared(scope, f.script, 0));
  REQUIRE(read);
  CHECK(read->name == "named");
  CHECK(read->start == 42);
}

TEST_CASE("a function without a name has the one that V8 inferred, or none", "[v8]") {
  Functions f;
  const uint64_t scope = f.made.scope("Inferred.name", 1);
  set_flags(f, scope, 1 << 14);
  CHECK(f.read(f.made.shared(scope, f.script, 0))->name == "Inferred.name");
  set_flags(f, scope, 0);
  CHECK(f.read(f.made.shared(scope, f.script, 0))->name.empty());
  // One of a class has a word before its name.
  const uint64_t method = f.made.scope("", 1);
  set_flags(f, method, 1 << 10 | 1 << 12);
  f.made.set(method, 8 + 8 * 6, f.made.text("method"));
  CHECK(f.read(f.made.shared(method, f.script, 0))->name == "method");
}

TEST_CASE("a built-in has a name and no script", "[v8]") {
  Functions f;
  const auto read = f.read(f.made.shared(f.made.text("parse"), made_heap::small(0), 0));
  REQUIRE(read);
  CHECK(read->name == "parse");
  CHECK_FALSE(read->script);
}

TEST_CASE("bytecode is found behind baseline code and behind a debugger's", "[v8]") {
  Functions f;
  const uint64_t bytecode = f.made.bytecode({1, 2, 3}, {});
  const uint64_t data = f.made.object(f.made.at.types.interpreter_data, 24);
  f.made.set(data, 8, bytecode);
  const uint64_t baseline = f.made.code(0x200000, 100, 10, bytecode, {});
  for (const uint64_t way : {bytecode, data, baseline}) {
    const auto read = f.read(f.made.shared(f.made.text("f"), f.script, way));
    REQUIRE(read);
    REQUIRE(read->bytecode);
    CHECK(read->bytecode->tagged == bytecode);
    CHECK(read->baseline.has_value() == (way == baseline));
  }
}

TEST_CASE("what isn't a function's description, or isn't whole, has no name at all", "[v8]") {
  Functions f;
  CHECK_FALSE(f.read(f.script));
  CHECK_FALSE(f.read(0));
  const uint64_t scope = f.made.scope("named", 42);
  f.made.set(scope, 8 + 8 * 2, made_heap::small(-1));  // variables
  CHECK_FALSE(f.read(f.made.shared(scope, f.script, 0)));
  f.made.set(scope, 8 + 8 * 2, made_heap::small(1 << 30));
  CHECK_FALSE(f.read(f.made.shared(scope, f.script, 0)));
  // A name that can't be read isn't none.
  const uint64_t other = f.made.scope("named", 42);
  f.made.set(other, 8 + 8 * 5, f.made.external(0x900000, 5));
  CHECK_FALSE(f.read(f.made.shared(other, f.script, 0)));
}

TEST_CASE("an object that is being moved is found where it is", "[v8]") {
  Functions f;
  const uint64_t shared = f.made.shared(f.made.text("moved"), f.script, 0);
  const uint64_t old = f.made.object(f.made.at.types.shared_function, 64);
  f.pages.put(old - 1, shared - 1);  // the collector's note, for a map
  CHECK(f.read(old)->name == "moved");
  f.pages.put(old - 1, old - 1);  // to itself
  CHECK_FALSE(f.read(old));
}
