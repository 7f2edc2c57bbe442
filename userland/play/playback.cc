// SPDX-License-Identifier: MIT
#include "play/playback.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/clock.h"
#include "play/recording.h"

namespace timeslice::play {

namespace {

// As many as are taken while nobody notices.
constexpr uint64_t kLeastBetween = 1 << 18;
constexpr size_t kMostBookmarks = 64;
constexpr uint64_t kLongPause = 60;      // intervals
constexpr uint64_t kMostKept = 1 << 16;  // threads in all bookmarks; each takes some 2 KiB

}  // namespace

class Playback::People : public trace::Visitor {
 public:
  explicit People(Playback& playback) : playback_(playback) {}
  void header(const trace::Header& header) override { playback_.header_ = header; }
  void row(trace::Moment moment, const ts_thread_row& row) override {
    (moment == trace::Moment::opening ? playback_.opening_ : playback_.closing_).push_back(row);
  }
  void role(const trace::RoleNote& note) override {
    model::Role& kept = playback_.roles_[{note.tid, note.start_ns}];
    if (note.confidence >= kept.confidence) kept = {note.name, note.evidence, note.confidence};
  }
  void runtime(const trace::RuntimeNote& note) override {
    playback_.runtimes_[{note.tgid, note.start_ns}] = note.runtime;
  }
  void closing(const trace::Closing& closing) override { end_ns = closing.end_ns; }
  void event(const ts_event&) override {}
  uint64_t end_ns = 0;

 private:
  Playback& playback_;
};

Playback::Playback(const std::string& path, const std::string& comm_glob, bool goes_back)
    : goes_back_(goes_back),
      path_(path),
      comm_glob_(comm_glob),
      bytes_(trace::open_file(path)),
      reader_(*bytes_, path),
      events_between_(kLeastBetween) {
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
  model::HistoryInfo info = info_of(header_);
  info.end_ns = end_ns_;
  replay_.emplace(info);
  for (const ts_thread_row& row : opening_) replay_->opening(row);
  for (const ts_thread_row& row : closing_) replay_->closing(row);
  now_ns_ = header_.begin_ns;
  unmarked_ = 0;
}

// Not after `moment_ns`, and as near to it as is to be had without reading on.
void Playback::come_near(uint64_t moment_ns) {
  const auto after =
      std::partition_point(bookmarks_.begin(), bookmarks_.end(),
                           [&](const Bookmark& bookmark) { return bookmark.time_ns <= moment_ns; });
  const bool none = after == bookmarks_.begin();
  if (now_ns_ <= moment_ns && (none || std::prev(after)->time_ns <= now_ns_)) return;
  if (none) return go_to_beginning();
  const Bookmark& bookmark = *std::prev(after);
  reader_.go_to(bookmark.mark);
  more_ = reader_.next();
  replay_ = bookmark.replay;
  now_ns_ = last_taken_ns_ = bookmark.time_ns;
  unmarked_ = 0;
}

// The event at hand is the first that is still to be taken. Where there are too many bookmarks,
// every second goes.
void Playback::leave_bookmark() {
  unmarked_ = 0;
  if (!bookmarks_.empty() && bookmarks_.back().time_ns >= last_taken_ns_) return;
  const uint64_t threads = std::max<uint64_t>(replay_->thread_count(), 1);
  if (bookmarks_.size() >= std::clamp<uint64_t>(kMostKept / threads, 4, kMostBookmarks)) {
    size_t kept = 0;
    for (size_t i = 1; i < bookmarks_.size(); i += 2) bookmarks_[kept++] = std::move(bookmarks_[i]);
    bookmarks_.erase(bookmarks_.begin() + static_cast<std::ptrdiff_t>(kept), bookmarks_.end());
    events_between_ *= 2;
  }
  bookmarks_.push_back({last_taken_ns_, reader_.mark(), *replay_});
}

void Playback::make_tracker() {
  model::LookUp look_up;
  look_up.role = [this](uint32_t tid, uint64_t start_ns) { return role_of(tid, start_ns); };
  look_up.runtime = [this](uint32_t tgid, uint64_t start_ns) { return runtime_of(tgid, start_ns); };
  model::Selection selection;
  if (!comm_glob_.empty())
    selection = [this](const model::Process& process, const ts_thread_row&) {
      return fnmatch(comm_glob_.c_str(), process.comm.c_str(), 0) == 0;
    };
  tracker_.emplace(look_up, selection);
  replay_->begin_anew();
}

model::Role Playback::role_of(uint32_t tid, uint64_t start_ns) const {
  const auto found = roles_.find({tid, start_ns});
  return found == roles_.end() ? model::Role{} : found->second;
}

std::string Playback::runtime_of(uint32_t tgid, uint64_t start_ns) const {
  const auto after = runtimes_.upper_bound({tgid, start_ns});
  if (after == runtimes_.begin()) return {};
  const auto& [process, runtime] = *std::prev(after);
  return process.tid == tgid ? runtime : std::string();
}

uint64_t Playback::realtime_ns(uint64_t moment_ns) const {
  return ClockPair{header_.begin_ns, header_.realtime_ns}.realtime_at(moment_ns);
}

uint64_t Playback::stride_ns(uint64_t interval_ns) const {
  const uint64_t until_ns = more_ ? std::min<uint64_t>(reader_.event().time_ns, end_ns_) : end_ns_;
  const uint64_t quiet = until_ns > now_ns_ ? (until_ns - now_ns_) / interval_ns : 0;
  return interval_ns * (quiet > kLongPause ? quiet : 1);
}

void Playback::feed_until(uint64_t moment_ns) {
  now_ns_ = std::min(moment_ns, end_ns_);
  while (more_ && reader_.event().time_ns <= now_ns_) {
    replay_->event(reader_.event());
    last_taken_ns_ = reader_.event().time_ns;
    more_ = reader_.next();
    if (goes_back_ && ++unmarked_ >= events_between_ && more_) leave_bookmark();
  }
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
  come_near(before(2));
  make_tracker();
  for (const uint64_t intervals : {2U, 1U}) {
    if (before(intervals) == before(intervals - 1)) continue;
    feed_until(before(intervals));
    tracker_->advance(replay_->pass(now_ns_));
  }
  feed_until(to_ns);
  return tracker_->advance(replay_->pass(now_ns_));
}

}  // namespace timeslice::play
