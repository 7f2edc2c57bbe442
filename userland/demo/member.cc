// SPDX-License-Identifier: MIT
#include "demo/member.h"

#include <algorithm>

namespace timeslice::demo {

Member::Question::Question(loop::Loop& loop, Id number, Answer on_answer, loop::Task on_silence)
    : id(number), answer(std::move(on_answer)), silence(loop, std::move(on_silence)) {
  silence.start(std::chrono::seconds(1));
}

void Member::introduce() {
  link_.send(words::kServes + loop_.backend_name() + '\n' + loop_.backend_note());
}

Member::Id Member::ask(Answer answer) {
  const Id id = ++last_id_;
  questions_.emplace_back(loop_, id, std::move(answer), [this, id] { answered(id, "null"); });
  link_.send(words::kTable + std::to_string(id));
  return id;
}

void Member::forget(Id question) {
  questions_.remove_if([question](const Question& asked) { return asked.id == question; });
}

void Member::take(const std::string& message) {
  if (!message.starts_with(words::kTable)) return;
  const std::string rest = message.substr(words::kTable.size());
  const std::size_t space = std::min(rest.find(' '), rest.size() - 1);
  answered(std::stoull(rest.substr(0, space)), rest.substr(space + 1));
}

void Member::answered(Id question, const std::string& table) {
  const auto found =
      std::find_if(questions_.begin(), questions_.end(),
                   [question](const Question& asked) { return asked.id == question; });
  if (found == questions_.end()) return;
  const Answer answer = std::move(found->answer);
  questions_.erase(found);
  answer(table);
}

}  // namespace timeslice::demo
