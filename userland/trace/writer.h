// SPDX-License-Identifier: MIT
// How does a recording come into a file? As a Perfetto trace, made piece by piece: the Writer turns
// what it is given into bytes, and whoever owns it appends them to a file. Every piece is whole
// packets, so that a file that ends after any of them can be read.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "trace/bundle_writer.h"
#include "trace/loop_packets.h"
#include "trace/names.h"
#include "trace/recording.h"
#include "trace/uring_packets.h"

namespace timeslice::trace {

class Writer {
 public:
  explicit Writer(const Header& header);

  void opening(const ts_thread_row& row);
  void role(const RoleNote& role);
  void runtime(const RuntimeNote& note);
  // Whose loop it is; before the rest of it. What was told already isn't told again.
  void loop(const LoopNote& loop);
  void loop_process(const LoopProcessNote& process);  // as it is now, likewise
  void loop_stretch(const LoopStretchNote& stretch);
  void loop_block(const LoopBlockNote& block);
  void pool_stretch(const PoolStretchNote& stretch);
  void loop_trouble(const LoopTroubleNote& trouble);
  // As it is now: told again only if that is another state than the one that was told.
  void ring(const RingNote& ring);
  void ring_stretch(const RingStretchNote& stretch);
  void ring_threads(const RingThreadsNote& threads);
  void ring_trust(const RingTrustNote& trust);
  void ring_trouble(const std::string& why);
  // No older than the one before of its core; older than the header's beginning: left out.
  void event(const ts_event& event);

  // Appends all that is still in columns to bytes().
  void flush();
  // What is ready to be written. Take it, and clear() it.
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  void clear() { bytes_.clear(); }
  [[nodiscard]] uint64_t events() const { return events_; }

 private:
  void append_clocks();
  void append_system();
  void append_header();
  void flush_people();
  BundleWriter& core(uint16_t cpu);

  Header header_;
  Names names_;
  std::vector<BundleWriter> cores_;
  LoopPackets loop_packets_;
  std::map<std::pair<uint32_t, uint32_t>, LoopNote> loops_;  // told, by tgid and tid
  std::map<uint32_t, LoopProcessNote> loop_processes_;       // told, by tgid
  UringPackets uring_packets_;
  std::map<std::pair<uint32_t, int32_t>, std::string> rings_;  // their states, by tgid and fd
  std::set<std::string> ring_troubles_;
  // The process tree, for Perfetto's viewer, and our own rows, both as far as they aren't written.
  std::string tree_, ours_;
  std::string bytes_;
  uint64_t events_ = 0;
};

// The file's last packets, after a flush().
std::string closing_packets(const std::vector<ts_thread_row>& rows, const Closing& closing);

}  // namespace timeslice::trace
