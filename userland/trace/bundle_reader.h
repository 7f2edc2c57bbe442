// SPDX-License-Identifier: MIT
// What happened on one core, in the order of time? A BundleReader walks through the columns of one
// bundle at once and gives back the records that they were made from. It takes bundles of ours and
// of Perfetto's own recorder, compact or plain, and any bytes at all: what can't be so ends in an
// exception of protozero's, never outside the bundle.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bpf/wire.h"
#include "trace/columns.h"

namespace timeslice::trace {

// What is taken from another recorder's events, and isn't from ours, which tells it better.
struct Foreign {
  bool names = false;    // that stand in switches and wake-ups; they become TS_EVENT_RENAME
  bool wakeups = false;  // sched_wakeup stands for sched_waking, which the file has nowhere
};

class BundleReader {
 public:
  // The file's times less `boot_offset_ns` are CLOCK_MONOTONIC.
  BundleReader(uint16_t cpu, uint64_t boot_offset_ns, Foreign foreign = {})
      : cpu_(cpu), offset_(boot_offset_ns), foreign_(foreign) {}

  // Begins with the next bundle of this core. Throws protozero::exception.
  void load(std::string bundle);

  // The next record, in event(); false: the bundle is at its end. Throws protozero::exception.
  bool next();
  // After an exception: the rest of the bundle is one gap, which comes next.
  void give_up();
  [[nodiscard]] const ts_any_event& event() const { return event_; }

  // What one bundle hands on to the next of its core.
  struct Carry {
    uint32_t occupant = TS_TID_OUTSIDE;
    uint64_t last_ns = 0;
  };
  [[nodiscard]] Carry carry() const { return {occupant_, last_ns_}; }
  void go_on_from(const Carry& carry) { occupant_ = carry.occupant, last_ns_ = carry.last_ns; }

  // Events that we know nothing of, and plain wake-ups that only confirm a waking.
  [[nodiscard]] uint64_t skipped() const { return skipped_; }

 private:
  struct Varints {
    const char* at = nullptr;
    const char* end = nullptr;
    [[nodiscard]] bool done() const { return at == end; }
    [[nodiscard]] bool is_there() const { return at != nullptr; }
    uint64_t take();
  };
  // A column of moments or indices, each kept as the difference to the one before.
  struct Differences {
    Varints from;
    uint64_t value = UINT64_MAX;  // UINT64_MAX: at its end
    void begin(Varints column);
    void advance();
  };

  static void begin(Varints& to, Varints column) { to = column; }
  static void begin(Differences& to, Varints column) { to.begin(column); }
  template <typename Number, typename... Rows>
  void begin_column(Number tag, std::string_view view, const std::tuple<Rows...>& table);
  void parse_compact(const char* data, size_t size);
  void parse_beside(const char* data, size_t size);
  void parse_plain(const char* data, size_t size);
  void parse_plain_switch(const char* data, size_t size, uint64_t time_ns);
  void parse_plain_wake(const char* data, size_t size, uint64_t time_ns, uint32_t pid,
                        uint8_t kind);
  void tell_plain_name(uint64_t time_ns, uint32_t tid, std::string_view comm);
  void parse_plain_migrate(const char* data, size_t size, uint64_t time_ns);
  void parse_plain_exit(const char* data, size_t size, uint64_t time_ns);
  void parse_plain_identity(const char* data, size_t size, uint64_t time_ns, uint32_t pid,
                            uint8_t kind);
  void parse_rare(const char* data, size_t size);
  [[nodiscard]] ts_any_event gap() const;
  [[nodiscard]] uint64_t rare_time() const {
    return rare_at_ < rare_.size() ? rare_[rare_at_].head.time_ns : UINT64_MAX;
  }
  // True: comm is news of tid, as far as this bundle goes.
  bool is_news(uint32_t tid, std::string_view comm);
  [[nodiscard]] ts_any_event name_event(uint64_t time_ns, uint32_t tid,
                                        std::string_view comm) const;
  bool take_name(uint64_t time_ns, Varints tids, Varints& comms, bool& named);
  bool take_switch();
  void take_wake();
  void take_migrate();
  void take_rare();
  ts_event& begin_event(uint64_t time_ns, uint8_t kind, uint32_t tid, uint8_t prio);

  uint16_t cpu_;
  uint64_t offset_;
  Foreign foreign_;
  std::string bytes_;
  ts_any_event event_{};
  uint32_t occupant_ = TS_TID_OUTSIDE;
  uint64_t last_ns_ = 0;
  uint64_t skipped_ = 0;

  uint64_t switch_index_ = 0, waking_index_ = 0;
  using Columns = trace::Columns<Varints, Differences>;
  Columns columns_;
  // Names, of other recorders' files only.
  std::vector<std::string_view> interned_;
  bool switch_named_ = false, waking_named_ = false;  // the name of the one that comes next is told
  std::unordered_map<uint32_t, std::string_view> told_;  // by tid, into bytes_

  std::vector<ts_any_event> rare_;  // rare ones, and all that are told in the plain form
  size_t rare_at_ = 0;
};

// The first of both is set where the bundle says which core it is of.
struct BundleHead {
  bool has_cpu = false;
  uint32_t cpu = 0;
};
BundleHead bundle_head(const char* data, size_t size);  // throws protozero::exception
// Whether it has wake-ups as sched_waking tells them. Throws protozero::exception.
bool has_wakings(const char* data, size_t size);

}  // namespace timeslice::trace
