// SPDX-License-Identifier: MIT
// Is a pool's queue read as it is, and is one that moves, lies or never ends left alone?
#include "runtime/uv_pool.h"

#include "tests/catch.h"
#include "tests/unit/made_uv.h"

namespace timeslice::runtime {

namespace {

using namespace made_uv;
using made_up::Memory;

}  // namespace

TEST_CASE("a pool's queues are counted, without the node that stands for the slow one") {
  Pool pool;
  pool.set(4, 1);
  pool.close({pool.fs(1, "/a"), kPlaces.slow_node, pool.work("zlib")}, kPlaces.queue);
  pool.close({pool.look_up("example.invalid")}, kPlaces.slow_queue);
  const auto counts = read_uv_pool(pool.memory, kPlaces);
  REQUIRE(counts);
  CHECK(counts->threads == 4);
  CHECK(counts->idle == 1);
  CHECK(counts->queued == 2U);
  CHECK(counts->slow == 1U);
}

TEST_CASE("jobs are told by kind and by what they are for") {
  Pool pool;
  pool.close({pool.fs(6, "/etc/passwd"), pool.fs(29, ""), pool.fs(99, "/x"), pool.work("crypto"),
              pool.work("\x1b[31m"), pool.request(9, 72, 64), pool.request(10, 104, 64),
              pool.request(77, 88, 64)},
             kPlaces.queue);
  pool.close({pool.look_up("host.invalid")}, kPlaces.slow_queue);
  const auto read = read_uv_jobs(pool.memory, kPlaces, 100);
  REQUIRE(read);
  CHECK(read->queued == 8);
  CHECK(read->slow == 1);
  std::vector<std::string> told;
  for (const UvJob& job : read->jobs) told.push_back(job.kind + ":" + job.what);
  CHECK(told == std::vector<std::string>{
                    "fs.stat:/etc/passwd", "fs.copyfile:", "fs:/x", "work:crypto",
                    "work:", "getnameinfo:", "random:", "other:", "getaddrinfo:host.invalid"});
  CHECK(read_uv_jobs(pool.memory, kPlaces, 2)->jobs.size() == 3);
  CHECK(read_uv_jobs(pool.memory, kPlaces, 2)->queued == 8);
}

TEST_CASE("a path is read up to its zero, a limit, or the end of what can be read") {
  Pool pool;
  const uint64_t node = pool.fs(1, "");
  const std::string endless(4096 - 16, 'p');
  pool.memory.put(kTexts + 16, endless.data(), endless.size());
  pool.close({node}, kPlaces.queue);
  const auto path_at = [&](uint64_t address) {
    pool.memory.put(pool.last + 104, address);
    return read_uv_jobs(pool.memory, kPlaces, 1)->jobs.at(0).what;
  };
  CHECK(path_at(kTexts + 16) == std::string(256, 'p'));
  CHECK(path_at(kTexts + 4096 - 5) == "ppppp");
  CHECK(path_at(0x1234).empty());
}

TEST_CASE("a ring that is torn or never ends has no length, and is left after a bounded walk") {
  Pool pool;
  const uint64_t one = pool.fs(1, "/a"), two = pool.fs(1, "/b");
  pool.close({one, two}, kPlaces.queue);
  pool.memory.put(two + 8, kPlaces.queue);  // its previous one is another
  CHECK_FALSE(read_uv_pool(pool.memory, kPlaces)->queued);
  CHECK_FALSE(read_uv_jobs(pool.memory, kPlaces, 10));

  pool.close({one, two}, kPlaces.queue);
  pool.memory.put(two, two);  // and round and round
  pool.memory.put(two + 8, two);
  CHECK_FALSE(read_uv_pool(pool.memory, kPlaces)->queued);

  // Each a proper neighbour of the next, and more of them than there may be.
  std::vector<uint64_t> many;
  auto& block = pool.memory.block(0x7f0010000000, 16 * 8192);
  for (uint64_t i = 0; i < 8192; ++i) many.push_back(0x7f0010000000 + 16 * i);
  REQUIRE(block.size() == 16 * many.size());
  pool.close(many, kPlaces.queue);
  pool.memory.bytes_read = 0;
  CHECK_FALSE(read_uv_pool(pool.memory, kPlaces)->queued);
  CHECK(pool.memory.bytes_read < 3 * 17 * kMostJobs);
}

TEST_CASE("a walk ends even where the node that isn't counted leads to itself, each time anew") {
  Pool pool;
  pool.close({kPlaces.slow_node, kPlaces.slow_node + 8}, kPlaces.queue);
  // Whose link back is always that which is expected.
  struct Moving : MemoryReader {
    explicit Moving(MemoryReader& memory) : below(memory) {}
    bool read(uint64_t address, void* to, size_t bytes) override {
      if (address == kPlaces.queue) before = kPlaces.queue;
      if (address != kPlaces.slow_node) return below.read(address, to, bytes);
      const uint64_t links[2] = {kPlaces.slow_node, before};
      before = kPlaces.slow_node;
      if (++reads > size_t{10} * kMostJobs) return false;
      std::memcpy(to, links, bytes);
      return true;
    }
    MemoryReader& below;
    uint64_t before = kPlaces.queue;
    size_t reads = 0;
  } moving(pool.memory);
  CHECK_FALSE(read_uv_pool(moving, kPlaces)->queued);
  CHECK(moving.reads <= 3 * (kMostJobs + 2));
}

TEST_CASE("a pool's threads are read as the process has noted them, if they can be") {
  Pool pool;
  CHECK(read_uv_workers(pool.memory, kPlaces, 4).empty());  // a null pointer
  const uint64_t list = kStatics + 0x80;
  pool.memory.put(kPlaces.workers, list);
  for (uint64_t i = 0; i < 3; ++i) pool.memory.put(list + 8 * i, 0x7f0000001000 + i);
  CHECK(read_uv_workers(pool.memory, kPlaces, 3) ==
        std::vector<uint64_t>{0x7f0000001000, 0x7f0000001001, 0x7f0000001002});
  CHECK(read_uv_workers(pool.memory, kPlaces, 2000).empty());
  CHECK(read_uv_workers(pool.memory, kPlaces, 500).empty());  // beyond what can be read
  UvPoolPlaces unknown = kPlaces;
  unknown.workers = 0;
  CHECK(read_uv_workers(pool.memory, unknown, 3).empty());
}

TEST_CASE("what isn't a pool is none, and one without threads has no queue yet") {
  Pool pool;
  pool.set(4, 5);
  CHECK_FALSE(read_uv_pool(pool.memory, kPlaces));
  pool.set(2000, 1);
  CHECK_FALSE(read_uv_pool(pool.memory, kPlaces));
  pool.set(0, 0);
  pool.memory.put(kPlaces.queue, uint64_t{0});
  const auto counts = read_uv_pool(pool.memory, kPlaces);
  REQUIRE(counts);
  CHECK(counts->threads == 0);
  CHECK(counts->queued == 0U);
  Memory nothing;
  CHECK_FALSE(read_uv_pool(nothing, kPlaces));
}

}  // namespace timeslice::runtime
