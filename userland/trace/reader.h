// SPDX-License-Identifier: MIT
// How does a file become a recording again? In two goes, so that memory doesn't grow with its
// length: the first notes where each core's bundles are and hands over who was there, the second
// merges the CPUs' events by time, with one bundle per CPU in memory. Callers that stop and resume
// take the events one by one from a Reader; those that want all of them call read().
//
// Any file is taken that Perfetto's format allows; what is damaged is skipped and reported. Files
// end early when their recorder was killed or the disk was full, or while it is running: what they
// contain up to there is complete. If a recording was appended to another, the first is read: their
// times, threads and sums have nothing to do with each other.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "trace/recording.h"

namespace timeslice::trace {

// The bytes of a recording, wherever they are.
class Bytes {
 public:
  virtual ~Bytes() = default;
  // Up to `size` bytes from `offset`; fewer at the end only. Throws Failure.
  virtual size_t read(uint64_t offset, char* to, size_t size) = 0;
  // Was its recorder still at work on it when it was opened?
  [[nodiscard]] virtual bool being_written() const { return false; }
};
std::unique_ptr<Bytes> open_file(const std::string& path);  // throws Failure
std::unique_ptr<Bytes> in_memory(std::string_view bytes);   // which must outlive it

struct Summary {
  uint64_t bytes = 0;  // read, up to where the file could be followed
  uint64_t packets = 0;
  uint64_t events = 0;
  uint64_t broken = 0;       // packets that could not be understood, and bundles cut short
  uint64_t passed_over = 0;  // packets and events of kinds that we don't use
  uint64_t last_ns = 0;      // the youngest event; 0: none
  bool has_closing = false;
  bool being_recorded = false;  // it has no closing yet, for its recorder is still at work
  std::string stopped;  // why the file ends before its end, as a sentence; empty: it doesn't
};

class Reader {
 public:
  // The first go. Throws Failure where it is no recording, or one of a later version; `name` stands
  // in the sentence. `bytes` must outlive it.
  Reader(Bytes& bytes, const std::string& name);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // All but the events.
  void introduce(Visitor& visitor) const;

  // The next event in the order of time; false: there is none. It lives until the next call.
  bool next();
  [[nodiscard]] const ts_event& event() const;
  // To before the first event.
  void rewind();

  // The event at hand, to come back to: after go_to(), the next is this one again.
  class Mark {
    friend class Reader;
    struct Stands;
    std::shared_ptr<const Stands> stands_;
  };
  [[nodiscard]] Mark mark() const;
  void go_to(const Mark& mark);

  // Of what was read up to the first rewind() or go_to().
  [[nodiscard]] const Summary& summary() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The whole file at once. Throws as the Reader does.
Summary read(Bytes& bytes, const std::string& name, Visitor& visitor);

}  // namespace timeslice::trace
