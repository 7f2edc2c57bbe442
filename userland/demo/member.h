// SPDX-License-Identifier: MIT
// What does a worker of the demo's cluster know of the others? Nothing, but it can ask the manager,
// which answers with its table: one line of JSON, which goes into /stats as it is.
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <string>

#include "loop/cluster/cluster_worker.h"
#include "loop/core/loop.h"

namespace timeslice::demo {

// The words between a worker and its manager.
namespace words {
inline const std::string kServes = "serves ";  // to the manager: the back end, and its note
inline const std::string kTable = "table ";    // a question's number; back: that, and the table
}  // namespace words

class Member {
 public:
  using Answer = std::function<void(const std::string& table)>;
  using Id = std::uint64_t;

  Member(loop::WorkerLink& link, loop::Loop& loop) : link_(link), loop_(loop) {}

  [[nodiscard]] unsigned slot() const { return link_.slot(); }
  // Tells the manager what serves here.
  void introduce();
  // Calls back later, once: with the table, or "null" if the manager doesn't answer within a
  // second.
  Id ask(Answer answer);
  void forget(Id question);
  // Something has come from the manager.
  void take(const std::string& message);

 private:
  struct Question {
    Question(loop::Loop& loop, Id id, Answer answer, loop::Task on_silence);
    Id id;
    Answer answer;
    loop::Timer silence;
  };
  void answered(Id question, const std::string& table);

  loop::WorkerLink& link_;
  loop::Loop& loop_;
  std::list<Question> questions_;
  Id last_id_ = 0;
};

}  // namespace timeslice::demo
