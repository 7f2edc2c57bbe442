// SPDX-License-Identifier: MIT
// Is each role told by its strongest evidence, and kept?
#include "model/roles.h"

#include <map>

#include "tests/catch.h"
#include "tests/unit/rows.h"

using namespace timeslice::model;

namespace {

constexpr uint64_t kCond = 0x5000, kSemaphore = 0x6000, kHeap = 0x7f0000001000;

ts_process_facts node_facts() {
  ts_process_facts facts{};
  facts.runtime = TS_RUNTIME_NODE;
  facts.pool_cond = kCond;
  facts.pool_cond_size = 48;
  facts.signal_semaphore = kSemaphore;
  facts.signal_semaphore_size = 32;
  facts.loop_epoll_fd = 13;
  return facts;
}

struct Subjects {
  std::vector<ts_thread_row> rows;
  std::vector<uint64_t> stacks;
  std::map<uint32_t, uint32_t> starts;
  std::map<uint32_t, Role> roles;

  void add(const ts_thread_row& row, uint64_t stack_bytes = 0) {
    rows.push_back(row);
    stacks.push_back(stack_bytes);
  }
  void tell(const ts_process_facts* facts) {
    std::vector<RoleSubject> subjects;
    for (size_t i = 0; i < rows.size(); ++i)
      subjects.push_back({&rows[i], stacks[i], starts[rows[i].tid], &roles[rows[i].tid]});
    tell_roles(subjects, facts);
  }
};

// An idle Node 20, each thread asleep where it sleeps.
Subjects idle_node() {
  using namespace made_up;
  Subjects node;
  node.add(in_epoll(thread(1, 1, "node"), 13));
  node.add(in_epoll(thread(1, 2, "node"), 10));
  for (uint32_t tid = 3; tid <= 6; ++tid) node.add(in_futex(thread(1, tid, "node"), kHeap));
  node.add(in_futex(thread(1, 7, "node"), kSemaphore));
  return node;
}

}  // namespace

TEST_CASE("an idle Node without thread names: every thread by what it sleeps on") {
  Subjects node = idle_node();
  const ts_process_facts facts = node_facts();
  node.tell(&facts);
  CHECK(node.roles[1].name == "main");
  CHECK(node.roles[1].confidence == Approx(0.99));
  CHECK(node.roles[2].name == "v8-delayed");
  for (uint32_t tid = 3; tid <= 6; ++tid) CHECK(node.roles[tid].name == "v8-worker");
  CHECK(node.roles[7].name == "signal-inspector");
  for (const auto& [tid, role] : node.roles) {
    CHECK(role.confidence >= kSettled);
    CHECK(!role.evidence.empty());
  }
}

TEST_CASE("pool workers, worker_threads and the inspector join") {
  using namespace made_up;
  Subjects node = idle_node();
  node.add(in_futex(thread(1, 8, "node"), kCond + 0x28));
  node.add(in_epoll(thread(1, 9, "node"), 20), 4096 * 1024);
  node.add(in_epoll(thread(1, 10, "node"), 21), 8192 * 1024);
  const ts_process_facts facts = node_facts();
  node.tell(&facts);
  CHECK(node.roles[8].name == "libuv-worker");
  CHECK(node.roles[9].name == "node-worker");
  CHECK(node.roles[10].name == "inspector-io");
}

TEST_CASE("a role is kept when the thread wakes up, and replaced by stronger evidence only") {
  using namespace made_up;
  Subjects node = idle_node();
  node.add(thread(1, 8, "node"));
  node.rows.back().state = 'R';
  const ts_process_facts facts = node_facts();
  node.tell(&facts);
  CHECK(node.roles[8].name == "thread");  // it runs: nothing is known yet
  node.rows.back() = in_futex(node.rows.back(), kCond);
  node.rows.back().state = 'S';
  node.tell(&facts);
  CHECK(node.roles[8].name == "libuv-worker");
  node.rows.back() = thread(1, 8, "V8Worker");  // asleep elsewhere, under a misleading name
  node.tell(&facts);
  CHECK(node.roles[8].name == "libuv-worker");
}

TEST_CASE("a thread that never sleeps is identified by its start routine") {
  using namespace made_up;
  Subjects node;
  for (uint32_t tid = 1; tid <= 5; ++tid) {
    node.add(thread(1, tid, "node"));
    node.rows.back().state = 'R';
    node.starts[tid] = tid == 5 ? 0 : TS_STARTS - tid;
  }
  const ts_process_facts facts = node_facts();
  node.tell(&facts);
  CHECK(node.roles[1].name == "main");  // whatever lies on its stack
  CHECK(node.roles[2].name == "signal-inspector");
  CHECK(node.roles[3].name == "v8-worker");
  CHECK(node.roles[4].name == "libuv-worker");
  for (uint32_t tid = 2; tid <= 4; ++tid) CHECK(node.roles[tid].confidence >= kSettled);
  CHECK(node.roles[5].confidence < kSettled);
}

TEST_CASE("the stack size identifies worker_threads and the signal thread, even while they run") {
  using namespace made_up;
  Subjects node = idle_node();
  for (const uint32_t tid : {8U, 9U, 10U}) {
    node.add(thread(1, tid, "node"), tid == 8 ? 4096 * 1024 : tid == 9 ? 32 * 1024 : 8192 * 1024);
    node.rows.back().state = 'R';
  }
  const ts_process_facts facts = node_facts();
  node.tell(&facts);
  CHECK(node.roles[8].name == "node-worker");
  CHECK(node.roles[8].evidence == "stack of 4096 KiB");
  CHECK(node.roles[9].name == "signal-inspector");
  CHECK(node.roles[10].name == "thread");
}

TEST_CASE("worker_threads that wait by Atomics.wait are not V8 workers") {
  using namespace made_up;
  Subjects node = idle_node();
  constexpr uint64_t kShared = 0x7f0000001000;
  node.add(in_futex(thread(1, 8, "node"), kShared), 4096 * 1024);
  node.add(in_futex(thread(1, 9, "node"), kShared), 4096 * 1024);
  const ts_process_facts facts = node_facts();
  node.tell(&facts);
  CHECK(node.roles[8].name == "node-worker");
  CHECK(node.roles[9].name == "node-worker");
}

TEST_CASE("the first helper thread is V8's timer thread, unless it is an io_uring worker") {
  using namespace made_up;
  Subjects node = idle_node();
  ts_thread_row worker = thread(1, 20, "iou-wrk-1");
  worker.flags = TS_THREAD_IO_WORKER;
  worker.start_ns = 1;  // older than thread 2
  node.add(worker);
  const ts_process_facts facts = node_facts();
  node.tell(&facts);
  CHECK(node.roles[2].name == "v8-delayed");
  CHECK(node.roles[20].name == "iou-wrk");
}

TEST_CASE("signalling a pool's condition, or locking its mutex, doesn't make a worker") {
  using namespace made_up;
  const ts_process_facts facts = node_facts();
  const auto role_of_first = [&](const ts_thread_row& first) {
    Subjects node = idle_node();
    node.rows[0] = first;
    node.tell(&facts);
    return node.roles[1].name;
  };
  CHECK(role_of_first(in_lock(thread(1, 1, "node"), kCond + 0x10)) == "main");
  CHECK(role_of_first(in_futex(thread(1, 1, "node"), kCond + 0x28)) == "main");
  CHECK(role_of_first(in_futex(thread(1, 1, "node"), kSemaphore)) == "main");

  Subjects node = idle_node();
  node.add(in_lock(thread(1, 8, "node"), kCond + 0x10));
  for (uint32_t tid = 9; tid <= 10; ++tid) node.add(in_lock(thread(1, tid, "node"), kCond + 0x30));
  node.tell(&facts);
  for (uint32_t tid = 8; tid <= 10; ++tid) CHECK(node.roles[tid].name == "thread");
}

TEST_CASE("only the kernel's flags identify an io_uring worker: any thread may take its name") {
  using namespace made_up;
  Subjects node = idle_node();
  node.add(thread(1, 8, "iou-wrk-1"));
  node.rows.back().flags = TS_THREAD_IO_WORKER;
  node.add(thread(1, 9, "iou-sqp-1"));
  node.rows.back().flags = TS_THREAD_IO_WORKER;
  node.add(thread(1, 10, "iou-wrk-1"));
  const ts_process_facts facts = node_facts();
  node.tell(&facts);
  CHECK(node.roles[8].name == "iou-wrk");
  CHECK(node.roles[9].name == "iou-sqp");
  CHECK(node.roles[10].name == "thread");
}

TEST_CASE("without sleep evidence the order of creation is a weak guess, and says so") {
  using namespace made_up;
  Subjects node;
  for (uint32_t tid = 1; tid <= 7; ++tid) {
    node.add(thread(1, tid, "node"));
    node.rows.back().record.have &= ~uint32_t{TS_HAVE_SYSCALL};
  }
  const ts_process_facts facts = node_facts();
  node.tell(&facts);
  CHECK(node.roles[2].name == "v8-delayed");
  CHECK(node.roles[7].name == "signal-inspector");
  CHECK(node.roles[7].confidence == Approx(0.5));
  CHECK(node.roles[7].evidence.find("order") == 0);
}

TEST_CASE(
    "names identify threads in runtimes that set them, with less weight than other evidence") {
  using namespace made_up;
  Subjects bun;
  bun.add(thread(1, 1, "bun"));
  bun.add(thread(1, 2, "HeapHelper"));
  ts_process_facts facts{};
  facts.runtime = TS_RUNTIME_BUN;
  bun.tell(&facts);
  CHECK(bun.roles[1].name == "main");
  CHECK(bun.roles[2].name == "heap-helper");
  CHECK(bun.roles[2].confidence == Approx(0.7));
}

TEST_CASE("a libuv whose cond wasn't found leaves shared futexes uncertain") {
  Subjects node = idle_node();
  ts_process_facts facts = node_facts();
  facts.pool_cond = facts.pool_cond_size = 0;
  node.tell(&facts);
  CHECK(node.roles[3].name == "v8-worker");
  CHECK(node.roles[3].confidence < kSettled);
}

TEST_CASE("in an unknown program only the first thread and kernel threads have a role") {
  using namespace made_up;
  Subjects other;
  other.add(thread(1, 1, "sh"));
  other.add(in_futex(thread(1, 2, "node"), kCond));
  other.tell(nullptr);
  CHECK(other.roles[1].name == "main");
  CHECK(other.roles[2].name == "thread");
  CHECK(other.roles[2].confidence == 0);
}
