// SPDX-License-Identifier: MIT
// How does a recording become frames? A Playback is one open recording and a moment in it. It steps
// on, jumps anywhere, and advances the tracker, as a Session does for the machine as it is now. No
// screen and no clock here.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/thread_key.h"
#include "model/replay.h"
#include "trace/reader.h"

namespace timeslice::play {

class Playback {
 public:
  // `comm_glob`: only processes whose comm matches; empty: all. `goes_back`: jumps back are to be
  // expected, and worth some memory. Throws Failure.
  Playback(const std::string& path, const std::string& comm_glob, bool goes_back);

  // The moment `by_ns` later, or the recording's end; rates since the moment before. Frames are
  // valid until the next call.
  const model::Frame& step(uint64_t by_ns);
  // Any moment within the recording: the very frame that steps of `interval_ns` would have come to.
  const model::Frame& jump(uint64_t to_ns, uint64_t interval_ns);

  // CLOCK_MONOTONIC, as the recording machine had it.
  [[nodiscard]] uint64_t begin_ns() const { return header_.begin_ns; }
  [[nodiscard]] uint64_t end_ns() const { return end_ns_; }
  [[nodiscard]] uint64_t now_ns() const { return now_ns_; }
  [[nodiscard]] bool at_end() const { return now_ns_ >= end_ns_; }
  // How far a step goes that shall leave out no event and no long pause's end: an interval, or as
  // many as nothing happens in, where those are very many.
  [[nodiscard]] uint64_t stride_ns(uint64_t interval_ns) const;
  // CLOCK_REALTIME of a moment; 0: not known.
  [[nodiscard]] uint64_t realtime_ns(uint64_t moment_ns) const;

  // Where the file is broken or ends early: a sentence each.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  class People;
  // To go back to, without reading all that was before.
  struct Bookmark {
    uint64_t time_ns;  // of the last event that `replay` has taken
    trace::Reader::Mark mark;
    model::Replay replay;
  };
  void find_end(uint64_t closing_ns);
  void go_to_beginning();
  void come_near(uint64_t moment_ns);
  void leave_bookmark();
  void feed_until(uint64_t moment_ns);
  void make_tracker();
  [[nodiscard]] model::Role role_of(uint32_t tid, uint64_t start_ns) const;
  [[nodiscard]] std::string runtime_of(uint32_t tgid, uint64_t start_ns) const;

  bool goes_back_;
  std::string path_, comm_glob_;
  std::unique_ptr<trace::Bytes> bytes_;
  trace::Reader reader_;
  trace::Header header_;
  std::vector<ts_thread_row> opening_, closing_;
  std::unordered_map<ThreadKey, model::Role> roles_;
  std::map<ThreadKey, std::string> runtimes_;  // by tgid, and the start of its first thread
  std::vector<std::string> notes_;
  uint64_t end_ns_ = 0, now_ns_ = 0;
  bool more_ = false;  // the reader's event is still to be taken
  std::optional<model::Replay> replay_;
  std::vector<Bookmark> bookmarks_;  // in the order of time
  uint64_t events_between_;          // two of them
  uint64_t unmarked_ = 0;            // events since the last
  uint64_t last_taken_ns_ = 0;       // of the last event that the replay has taken
  std::optional<model::Tracker> tracker_;
};

}  // namespace timeslice::play
