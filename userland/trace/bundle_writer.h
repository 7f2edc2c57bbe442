// SPDX-License-Identifier: MIT
// How do a core's records become a bundle of the file? Column by column, as Perfetto's compact form
// of scheduling has it: a switch with its wake-up is about 20 bytes there. What that form has no
// place for (exact waits, how the kernel counted a switch, who woke) goes into columns of our own
// beside it.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bpf/wire.h"
#include "trace/columns.h"
#include "trace/names.h"

namespace timeslice::trace {

class BundleWriter {
 public:
  BundleWriter(uint16_t cpu, uint64_t boot_offset_ns, bool filtered);

  // `event` is of this core, and no older than the one before. Not for more than kMost of them.
  void add(const ts_event& event, const Names& names);

  static constexpr size_t kMost = 4096;
  [[nodiscard]] size_t events() const { return events_; }

  // Appends the bundle, as a TracePacket with its frame, to `out`; begins the next one.
  void finish(std::string& out);

 private:
  // Varints one after another, with the value before where differences are kept.
  class Column {
   public:
    Column() : bytes_(new char[(kMost * 2 + 2) * 10]), end_(bytes_.get()) {}
    void put(uint64_t value);
    void put_difference(uint64_t value) {
      put(value - last_);
      last_ = value;
    }
    void clear() {
      end_ = bytes_.get();
      last_ = 0;
    }
    [[nodiscard]] bool empty() const { return end_ == bytes_.get(); }
    [[nodiscard]] const char* data() const { return bytes_.get(); }
    [[nodiscard]] size_t size() const { return static_cast<size_t>(end_ - bytes_.get()); }

   private:
    std::unique_ptr<char[]> bytes_;
    char* end_;
    uint64_t last_ = 0;
  };

  void add_switch(const ts_event_switch& record, const Names& names);
  void put_switch(uint64_t time_ns, uint16_t prev_state, const ts_event& next, uint64_t wait_ns,
                  const Names& names);
  void add_wake(const ts_event_wake& record, const Names& names);
  void add_migrate(const ts_event_migrate& record);
  void add_rare(const ts_event& event);
  uint32_t comm_index(uint32_t tid, const Names& names);
  void append_compact(std::string& bundle);
  void append_beside(std::string& bundle);
  void clear();

  // Threads that run take turns: nearly always the slot still holds who is asked for.
  struct Slot {
    uint32_t tid = 0, bundle = 0, index = 0;
    uint64_t changes = 0;
  };

  uint16_t cpu_;
  uint64_t boot_offset_ns_;
  bool filtered_;
  uint32_t bundle_ = 1;
  uint32_t occupant_ = TS_TID_OUTSIDE;  // who has the core, as far as the file says
  size_t events_ = 0;
  uint64_t last_ns_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::string> comms_;

  size_t switches_ = 0, wakings_ = 0;
  using Columns = trace::Columns<Column, Column>;
  Columns columns_;
  bool wakers_differ_ = false, contexts_differ_ = false;
  std::string rare_;
};

}  // namespace timeslice::trace
