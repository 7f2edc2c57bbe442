// SPDX-License-Identifier: MIT
// Is each role in a recording once, when it's found out, and in each part that a flight recorder's
// file could begin with?
#include "record/role_notes.h"

#include "tests/catch.h"
#include "tests/unit/rows.h"
#include "trace/reader.h"

using namespace timeslice;

namespace {

constexpr uint32_t kProcess = 0x7ffffff0;  // beyond all tids: nothing is to be looked up

struct Subject {
  record::RoleNotes notes{[](uint32_t) { return true; }};
  std::vector<ts_thread_row> rows{made_up::thread(kProcess, kProcess),
                                  made_up::thread(kProcess, kProcess + 1)};

  void look() {
    Snapshot snapshot;
    snapshot.source = "made-up";
    for (uint32_t i = 0; i < rows.size(); ++i) {
      snapshot.threads.push_back(&rows[i]);
      snapshot.news.push_back(i);
    }
    notes.learn(snapshot);
  }
  void add_worker() {
    rows.push_back(made_up::thread(kProcess, kProcess + 2, "iou-wrk-1"));
    rows.back().flags = TS_THREAD_IO_WORKER;
  }
};

struct Roles : trace::Visitor {
  void header(const trace::Header&) override {}
  void row(trace::Moment, const ts_thread_row&) override {}
  void role(const trace::RoleNote& note) override { told.push_back(note.name); }
  void closing(const trace::Closing&) override {}
  void event(const ts_event&) override {}
  std::vector<std::string> told;
};

using Names = std::vector<std::string>;

// What a file that only this is written into tells.
template <typename Write>
Names told_by(const Write& write) {
  trace::Header header;
  header.begin_ns = 1;
  header.cores = 1;
  trace::Writer writer(header);
  write(writer);
  writer.flush();
  Roles roles;
  const std::string file = writer.bytes();
  trace::read(*trace::in_memory(file), "made-up", roles);
  return roles.told;
}

Names changed(Subject& subject) {
  subject.look();
  return told_by([&](trace::Writer& writer) { subject.notes.write_changed(writer); });
}
Names all(Subject& subject) {
  return told_by([&](trace::Writer& writer) { subject.notes.write_all(writer); });
}

}  // namespace

TEST_CASE("a role is noted when it's found out, and only once") {
  Subject subject;
  CHECK(changed(subject) == Names{"main"});  // of the other thread nothing is known
  CHECK(changed(subject).empty());
  subject.add_worker();
  CHECK(changed(subject) == Names{"iou-wrk"});
  CHECK(changed(subject).empty());
}

TEST_CASE("each part that could begin a file has all roles, noted before or not") {
  Subject subject;
  subject.add_worker();
  CHECK(changed(subject) == Names{"main", "iou-wrk"});
  CHECK(all(subject) == Names{"main", "iou-wrk"});
  CHECK(all(subject) == Names{"main", "iou-wrk"});
  CHECK(changed(subject).empty());
}
