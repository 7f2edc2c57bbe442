// SPDX-License-Identifier: MIT
// How much of a file is asked for at a time? All that is asked for is cleared first: little at a
// short file, and much at a long one, so that it's read by few calls.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "trace/packets.h"

using namespace timeslice::trace;

namespace {

// Packets of 1 KiB, and what was asked for of them.
struct Counted : Bytes {
  explicit Counted(size_t packets) {
    for (; packets > 0; --packets) content += "\x0a\xfd\x07" + std::string(1021, 'x');
  }
  size_t read(uint64_t offset, char* to, size_t size) override {
    asked.push_back(size);
    return content.copy(to, size, offset);
  }
  std::string content;
  std::vector<size_t> asked;
};

size_t count_all(Bytes& bytes) {
  Packets packets(bytes);
  size_t count = 0;
  while (packets.next()) count += packets.contents().size() == 1021;
  CHECK(packets.stopped().empty());
  return count;
}

}  // namespace

TEST_CASE("a short recording takes little memory") {
  Counted few(3);
  CHECK(count_all(few) == 3);
  CHECK(*std::max_element(few.asked.begin(), few.asked.end()) <= 64 << 10);
}

TEST_CASE("a long recording takes few read calls") {
  Counted many(16 << 10);  // 16 MiB
  CHECK(count_all(many) == 16 << 10);
  CHECK(many.asked.size() < 40);
  CHECK(*std::max_element(many.asked.begin(), many.asked.end()) == 1 << 20);
}
