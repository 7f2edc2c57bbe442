// SPDX-License-Identifier: MIT
#include "tools/playback.h"

#include <fnmatch.h>

#include <algorithm>

#include "tools/recording.h"

namespace timeslice::tools {

namespace {

uint64_t key_of(uint32_t tid, uint64_t start_ns) { return start_ns ^ (uint64_t{tid} << 42); }

}  // namespace

class Playback::People : public trace::Visitor {
 public:
  explicit People(Playback& playback) : playback_(playback) {}
  void header(const trace::Header& header) override { playback_.header_ = header; }
  void row(trace::Moment moment, const ts_thread_row& row) override {
    if (moment == trace::Moment::opening) playback_.opening_.push_back(row);
  }
  void role(const trace::RoleNote& note) override {
    model::Role& kept = playback_.roles_[key_of(note.tid, note.start_ns)];
    if (note.confidence >= kept.confidence) kept = {note.name, note.evidence, note.confidence};
  }
  void closing(const trace::Closing& closing) override { end_ns = closing.end_ns; }
  void event(const ts_event&) override {}
  uint64_t end_ns = 0;

 private:
  Playback& playback_;
};

Playback::Playback(const std::string& path, const std::string& comm_glob)
    : path_(path), comm_glob_(comm_glob), bytes_(trace::open_file(path)), reader_(*bytes_, path) {
  People people(*this);
  reader_.introduce(people);
  find_end(people.end_ns);
  notes_ = shortcomings(path_, reader_.summary(), header_);
  go_to_beginning();
}

// Where nobody has written down when it ended, its last event has to be looked for.
void Playback::find_end(uint64_t closing_ns) {
  if (closing_ns == 0)
    while (reader_.next()) {
    }
  end_ns_ = std::max({closing_ns, reader_.summary().last_ns, header_.begin_ns});
}

void Playback::go_to_beginning() {
  reader_.rewind();
  more_ = reader_.next();
  replay_.emplace(info_of(header_));
  for (const ts_thread_row& row : opening_) replay_->opening(row);
  now_ns_ = header_.begin_ns;
}

void Playback::make_tracker() {
  model::LookUp look_up;
  look_up.role = [this](uint32_t tid, uint64_t start_ns) { return role_of(tid, start_ns); };
  model::Selection selection;
  if (!comm_glob_.empty())
    selection = [this](const model::Process& process, const ts_thread_row&) {
      return fnmatch(comm_glob_.c_str(), process.comm.c_str(), 0) == 0;
    };
  tracker_.emplace(look_up, selection);
  replay_->begin_anew();
}

model::Role Playback::role_of(uint32_t tid, uint64_t start_ns) const {
  const auto found = roles_.find(key_of(tid, start_ns));
  return found == roles_.end() ? model::Role{} : found->second;
}

uint64_t Playback::realtime_ns(uint64_t moment_ns) const {
  return header_.realtime_ns ? header_.realtime_ns + (moment_ns - header_.begin_ns) : 0;
}

void Playback::feed_until(uint64_t moment_ns) {
  now_ns_ = std::min(moment_ns, end_ns_);
  for (; more_ && reader_.event().time_ns <= now_ns_; more_ = reader_.next())
    replay_->event(reader_.event());
}

const model::Frame& Playback::step(uint64_t by_ns) {
  if (!tracker_) make_tracker();
  feed_until(by_ns < end_ns_ - now_ns_ ? now_ns_ + by_ns : end_ns_);
  return tracker_->advance(replay_->pass(now_ns_));
}

// Two intervals before are looked at as well: from the one come rates, and from the other is known
// who had ended by then.
const model::Frame& Playback::jump(uint64_t to_ns, uint64_t interval_ns) {
  to_ns = std::clamp(to_ns, header_.begin_ns, end_ns_);
  const auto before = [&](uint64_t intervals) {
    const uint64_t back_ns = intervals * interval_ns;
    return to_ns - header_.begin_ns > back_ns ? to_ns - back_ns : header_.begin_ns;
  };
  if (now_ns_ > before(2)) go_to_beginning();
  make_tracker();
  for (const uint64_t intervals : {2, 1}) {
    if (before(intervals) == before(intervals - 1)) continue;
    feed_until(before(intervals));
    tracker_->advance(replay_->pass(now_ns_));
  }
  feed_until(to_ns);
  return tracker_->advance(replay_->pass(now_ns_));
}

}  // namespace timeslice::tools
