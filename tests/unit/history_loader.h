// SPDX-License-Identifier: MIT
// What history does a file tell, row by row and event by event?
#pragma once
#include <optional>

#include "model/history.h"
#include "play/recording.h"
#include "trace/reader.h"

namespace timeslice {

class HistoryLoader : public trace::Visitor {
 public:
  void header(const trace::Header& header) override { history.emplace(play::info_of(header)); }
  void row(trace::Moment, const ts_thread_row& row) override { history->opening(row); }
  void role(const trace::RoleNote&) override {}
  void closing(const trace::Closing&) override {}
  void event(const ts_event& event) override { history->event(event); }
  std::optional<model::History> history;
};

}  // namespace timeslice
