// SPDX-License-Identifier: MIT
#include "trace/reader.h"

#include <algorithm>
#include <map>
#include <memory>

#include "base/failure.h"
#include "trace/bundle_reader.h"
#include "trace/fields.h"
#include "trace/message.h"
#include "trace/packets.h"
#include "trace/people.h"

namespace timeslice::trace {

namespace {

constexpr uint32_t kMostCores = 8192;  // CONFIG_NR_CPUS goes no higher

struct Place {
  uint64_t offset;
  uint32_t size;
};

// The first go: everything but the events, and where those are.
class Index {
 public:
  Index(Bytes& bytes, Summary& summary) : packets_(bytes), summary_(summary) {}

  void build() {
    while (packets_.next()) {
      ++summary_.packets;
      try {
        take(packets_.contents());
      } catch (const protozero::exception&) {
        ++summary_.broken;
      }
    }
    summary_.bytes = packets_.followed();
    summary_.stopped = packets_.stopped();
  }

  People people;
  std::map<uint16_t, std::vector<Place>> bundles;  // by core, in the file's order

 private:
  void take(std::string_view packet) {
    Fields<field::Packet> fields(packet);
    bool used = false;
    while (fields.next()) {
      if (!fields.is_bytes()) {
        fields.skip();
        continue;
      }
      const auto tag = fields.tag();  // gone once the field is read
      const std::string_view part = fields.get_view();
      switch (tag) {
        case field::Packet::ftrace_events:
          take_bundle(part, packet);
          break;
        case field::Packet::process_tree:
          if (!people.has_header) take_tree(part, people);
          break;
        case field::Packet::clock_snapshot:
          take_clocks(part, people);
          break;
        case field::Packet::system_info:
          take_system(part, people);
          break;
        case field::Packet::ours:
          take_ours_keeping_system(part);
          break;
        default:
          continue;
      }
      used = true;
    }
    if (!used) ++summary_.passed_over;
  }

  // The system has a packet of its own, in Perfetto's form, which comes first.
  void take_ours_keeping_system(std::string_view part) {
    const Header before = people.header;
    take_ours(part, people);
    people.header.system = before.system;
    people.header.release = before.release;
    people.header.machine = before.machine;
  }

  void take_bundle(std::string_view bundle, std::string_view packet) {
    const BundleHead head = bundle_head(bundle.data(), bundle.size());
    if (!head.has_cpu || head.cpu >= kMostCores) {
      ++summary_.broken;
      return;
    }
    const uint64_t offset =
        packets_.offset() + static_cast<uint64_t>(bundle.data() - packet.data());
    bundles[static_cast<uint16_t>(head.cpu)].push_back(
        {offset, static_cast<uint32_t>(bundle.size())});
  }

  Packets packets_;
  Summary& summary_;
};

// The second go, of one core: its bundles one after the other.
class Core {
 public:
  Core(Bytes& bytes, Summary& summary, uint16_t cpu, uint64_t boot_offset_ns,
       const std::vector<Place>& places)
      : bytes_(bytes), summary_(summary), places_(places), reader_(cpu, boot_offset_ns) {}
  ~Core() { summary_.passed_over += reader_.skipped(); }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // False: no event is left.
  bool next() {
    for (;;) {
      try {
        if (reader_.next()) return true;
        if (at_ == places_.size()) return false;
        load(places_[at_++]);
      } catch (const protozero::exception&) {
        ++summary_.broken;
        reader_.give_up();
      }
    }
  }
  [[nodiscard]] const ts_event& event() const { return reader_.event().head; }

 private:
  void load(const Place& place) {
    std::string bundle(place.size, '\0');
    bundle.resize(bytes_.read(place.offset, bundle.data(), bundle.size()));
    reader_.load(std::move(bundle));
  }

  Bytes& bytes_;
  Summary& summary_;
  const std::vector<Place>& places_;
  size_t at_ = 0;
  BundleReader reader_;
};

// Of another recorder's file, the rows say no more than names; its beginning is its first event.
void hand_over_people(People& people, Visitor& visitor) {
  visitor.header(people.header);
  for (const ts_thread_row& row : people.has_header ? people.opening : people.tree)
    visitor.row(Moment::opening, row);
  for (const ts_thread_row& row : people.closing_rows) visitor.row(Moment::closing, row);
  for (const RoleNote& role : people.roles) visitor.role(role);
  if (people.has_closing) visitor.closing(people.closing);
}

class Merge {
 public:
  Merge(Bytes& bytes, Summary& summary, const Index& index, uint64_t boot_offset_ns) {
    for (const auto& [cpu, places] : index.bundles)
      cores_.push_back(std::make_unique<Core>(bytes, summary, cpu, boot_offset_ns, places));
    for (const auto& core : cores_)
      if (core->next()) queue_.push_back({core->event().time_ns, core.get()});
    std::make_heap(queue_.begin(), queue_.end());
  }

  [[nodiscard]] const ts_event* first() const {
    return queue_.empty() ? nullptr : &queue_.front().core->event();
  }

  // Each event goes to `take`, which may be called many times before the queue is looked at again.
  template <typename Take>
  void run(Take take) {
    while (!queue_.empty()) {
      Core* const core = queue_.front().core;
      const uint64_t limit = second_time();
      bool more = true;
      do {
        take(core->event());
        more = core->next();
      } while (more && core->event().time_ns <= limit);
      if (more)
        replace_first(core->event().time_ns);
      else
        drop_first();
    }
  }

 private:
  // A core and the time of its next event; a heap of them has the oldest in front.
  struct Next {
    uint64_t time_ns;
    Core* core;
    bool operator<(const Next& other) const { return time_ns > other.time_ns; }
  };
  [[nodiscard]] uint64_t second_time() const {
    uint64_t time_ns = UINT64_MAX;
    for (size_t i = 1; i < std::min<size_t>(queue_.size(), 3); ++i)
      time_ns = std::min(time_ns, queue_[i].time_ns);
    return time_ns;
  }
  void drop_first() {
    std::pop_heap(queue_.begin(), queue_.end());
    queue_.pop_back();
  }
  // The first one has a later event now: it sinks to its place.
  void replace_first(uint64_t time_ns) {
    const Next moved{time_ns, queue_.front().core};
    size_t at = 0;
    for (size_t child = 1; child < queue_.size(); child = 2 * at + 1) {
      if (child + 1 < queue_.size() && queue_[child] < queue_[child + 1]) ++child;
      if (!(moved < queue_[child])) break;
      queue_[at] = queue_[child];
      at = child;
    }
    queue_[at] = moved;
  }

  std::vector<std::unique_ptr<Core>> cores_;
  std::vector<Next> queue_;
};

}  // namespace

Summary read(Bytes& bytes, const std::string& name, Visitor& visitor) {
  Summary summary;
  Index index(bytes, summary);
  index.build();
  People& people = index.people;
  if (summary.packets == 0 && summary.stopped.empty()) throw Failure(name + " is empty");
  if (!people.has_header && index.bundles.empty())
    throw Failure(name + " is no recording of threads: it holds no scheduling in Perfetto's form");
  if (!people.has_header) {
    people.header.recorder = "perfetto";
    people.header.boot_offset_ns =
        people.monotonic_ns ? people.boottime_ns - people.monotonic_ns : 0;
  }
  Merge merge(bytes, summary, index, people.header.boot_offset_ns);
  if (!people.has_header && merge.first()) {
    people.header.begin_ns = merge.first()->time_ns;
    if (people.realtime_ns)
      people.header.realtime_ns = people.realtime_ns + people.header.begin_ns - people.monotonic_ns;
  }
  summary.has_closing = people.has_closing;
  hand_over_people(people, visitor);
  merge.run([&](const ts_event& event) {
    if (event.time_ns < people.header.begin_ns) {  // which the header says there is none
      ++summary.broken;
      return;
    }
    ++summary.events;
    summary.last_ns = event.time_ns;
    visitor.event(event);
  });
  return summary;
}

}  // namespace timeslice::trace
