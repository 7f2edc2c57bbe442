// SPDX-License-Identifier: MIT
// Is the HTTP request told that a stack serves, and none that only lies about on it? Objects are
// laid out as V8 has them, and tied to each other as Node does it.
#include "runtime/v8_requests.h"

#include <string>
#include <utility>
#include <vector>

#include "runtime/v8_properties.h"
#include "tests/catch.h"
#include "tests/unit/made_heap.h"

namespace timeslice::runtime {

namespace {

using made_heap::small;
using Values = std::vector<std::pair<std::string, uint64_t>>;

struct Made {
  // So many of the values lie in the object itself, the others in an array of their own.
  uint64_t object(const std::string& constructor, const Values& values, size_t inside = 2) {
    const V8Layout::Properties& at = heap.at.properties;
    const size_t first = 3, words = first + inside;
    const uint64_t names = heap.object(heap.at.types.fixed_array, 24 + 24 * values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      heap.set(names, 24 + 24 * i, heap.text(values[i].first));
      heap.set(names, 32 + 24 * i, small(static_cast<int64_t>(i << at.index_shift)));
    }
    map = heap.object(heap.at.types.map, 64);
    memory.put(map - 1 + heap.at.instance_type, at.plain_object);
    memory.put(map - 1 + at.size_in_words, static_cast<uint8_t>(words));
    memory.put(map - 1 + at.first_in_object, static_cast<uint8_t>(first));
    memory.put(map - 1 + at.bit_field3, static_cast<uint32_t>(values.size() << at.count_shift));
    heap.set(map, at.descriptors, names);
    heap.set(map, at.constructor,
             heap.function(heap.shared(heap.text(constructor), small(0), small(0))));
    const uint64_t made = heap.object(at.plain_object, 8 * words);
    heap.set(made, 0, map);
    std::vector<uint64_t> further;
    for (size_t i = 0; i < values.size(); ++i) {
      if (i < inside)
        heap.set(made, 8 * (first + i), values[i].second);
      else
        further.push_back(values[i].second);
    }
    heap.set(made, at.further, heap.fixed_array(further));
    return made;
  }
  // Being served: its socket's response is its own.
  uint64_t request(const std::string& method, const std::string& url) {
    const uint64_t socket = object("Socket", {{"_httpMessage", small(0)}});
    const uint64_t made = object("IncomingMessage", {{"socket", socket},
                                                     {"httpVersion", heap.text("1.1")},
                                                     {"url", heap.text(url)},
                                                     {"method", heap.text(method)}});
    heap.set(socket, 24, object("ServerResponse", {{"req", made}}));
    return made;
  }
  uint64_t context(const std::vector<uint64_t>& variables) {
    const uint64_t made = heap.fixed_array(variables);
    heap.set(made, 0, heap.map_of(heap.at.properties.first_context));
    return made;
  }
  std::vector<HttpRequest> served(const std::vector<uint64_t>& words) {
    V8Heap view(memory, heap.at);
    return http_requests(view, words);
  }

  made_heap::Pages memory;
  made_heap::Heap heap{memory};
  uint64_t map = 0;  // of the object that was made last
};

const std::vector<HttpRequest> kOrder = {{"GET", "/orders"}};

}  // namespace

TEST_CASE("properties are read in an object and beside it, and no others") {
  Made made;
  const uint64_t word = made.object("Point", {{"x", small(1)}, {"y", small(2)}, {"z", small(3)}});
  V8Heap heap(made.memory, made.heap.at);
  const V8Object object = heap.object(word).value();
  const auto find = [&](const char* name) { return V8Properties(heap).find(object, name); };
  CHECK(V8Properties(heap).constructor_name(object) == "Point");
  CHECK(find("x") == small(1));
  CHECK(find("y") == small(2));
  CHECK(find("z") == small(3));
  CHECK_FALSE(find("w"));

  const auto names = heap.object_field({made.map, made.heap.at.types.map}, 40).value().tagged;
  made.heap.set(names, 32, small(1));  // an accessor
  CHECK_FALSE(find("x"));
  made.heap.set(names, 32, small(1 << 5));  // one value for all objects
  CHECK_FALSE(find("x"));
  made.memory.put(made.map - 1 + 16, uint32_t{3 << 10 | 1 << 21});  // in a hash table
  CHECK_FALSE(find("z"));
  made.memory.put(made.map - 1 + 16, uint32_t{1000 << 10});  // more than there are
  CHECK(find("z") == small(3));
  CHECK_FALSE(find("w"));
}

TEST_CASE("a request is found on the stack, in variables and in what an async function kept") {
  Made made;
  const uint64_t request = made.request("GET", "/orders?token=secret");
  CHECK(made.served({small(4), request}) == kOrder);
  CHECK(made.served({made.context({small(1), request})}) == kOrder);
  CHECK(made.served({made.context({made.context({request})})}) == kOrder);
  const uint64_t waiting = made.heap.object(made.heap.at.properties.async_function, 96);
  made.heap.set(waiting, 72, made.heap.fixed_array({request}));
  CHECK(made.served({waiting}) == kOrder);
  CHECK(made.served({request, made.context({request}), request}) == kOrder);
}

TEST_CASE("who holds only the response serves its request") {
  Made made;
  const uint64_t request = made.request("GET", "/orders");
  V8Heap heap(made.memory, made.heap.at);
  V8Properties properties(heap);
  const V8Object object = heap.object(request).value();
  const V8Object socket = heap.object(properties.find(object, "socket").value()).value();
  CHECK(made.served({properties.find(socket, "_httpMessage").value()}) == kOrder);
}

TEST_CASE("of two requests none is preferred, but one on the stack is to one in variables") {
  Made made;
  const uint64_t one = made.request("GET", "/orders"), other = made.request("POST", "/bills");
  CHECK(made.served({one, other}).size() == 2);
  CHECK(made.served({made.context({other}), one}) == kOrder);
}

TEST_CASE("a request that has been answered, or is none, isn't told") {
  Made made;
  CHECK(made.served({}).empty());
  CHECK(made.served({made.object("Order", {{"url", made.heap.text("/orders")}})}).empty());

  const uint64_t answered = made.request("GET", "/orders");
  V8Heap heap(made.memory, made.heap.at);
  V8Properties properties(heap);
  const uint64_t socket = properties.find(heap.object(answered).value(), "socket").value();
  made.heap.set(socket, 24, small(0));  // its response has gone
  CHECK(made.served({answered}).empty());
  made.heap.set(socket, 24, made.object("ServerResponse", {{"req", made.request("GET", "/x")}}));
  CHECK(made.served({answered}).empty());  // the socket is for the next one by now

  CHECK(made.served({made.request("get", "/orders")}).empty());
  CHECK(made.served({made.request("GET", "orders")}).empty());
  CHECK(made.served({made.request("GET", "")}).empty());
}

TEST_CASE("a stack full of objects that lead to each other ends soon") {
  Made made;
  const uint64_t ring = made.context({small(0), small(0)});
  made.heap.set(ring, made.heap.at.elements, ring);
  made.heap.set(ring, made.heap.at.elements + 8, made.context({ring}));
  CHECK(made.served({ring, ring}).empty());

  std::vector<uint64_t> words;
  for (int i = 0; i < 200; ++i)
    words.push_back(made.context(std::vector<uint64_t>(64, made.context({small(i), ring}))));
  made.memory.reads = 0;
  CHECK(made.served(words).empty());
  CHECK(made.memory.reads < 100'000);

  // A map that leads to itself instead of to a constructor.
  const uint64_t object = made.object("IncomingMessage", {});
  made.heap.set(made.map, made.heap.at.properties.constructor, made.map);
  CHECK(made.served({object}).empty());
}

}  // namespace timeslice::runtime
