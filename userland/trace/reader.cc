// SPDX-License-Identifier: MIT
#include "trace/reader.h"

#include <algorithm>
#include <map>
#include <optional>
#include <protozero/pbf_message.hpp>
#include <queue>

#include "base/clock.h"
#include "base/failure.h"
#include "trace/core_reader.h"
#include "trace/fields.h"
#include "trace/packets.h"
#include "trace/people.h"
#include "trace/unpacked.h"

namespace timeslice::trace {

namespace {

constexpr uint32_t kMostCores = 8192;  // CONFIG_NR_CPUS goes no higher
// What a packet may unpack to, and a file altogether beyond that: deflated recordings are a third
// to a tenth as long as they were, and each byte that is unpacked may take twenty in memory.
constexpr size_t kLargestPacked = 8 << 20;
constexpr uint64_t kMostUnpacked = 16;

// The first go: everything but the events, and where those are.
class Index {
 public:
  Index(Bytes& bytes, Summary& summary) : bytes_(bytes), packets_(bytes), summary_(summary) {}

  void build() {
    while (!people.another && packets_.next()) {
      ++summary_.packets;
      people.bytes = packets_.followed() + unpacked_.size();
      take({packets_.contents(), &bytes_, packets_.offset()});
    }
    people.header.most_threads = most_threads(people.bytes);
    summary_.bytes = packets_.followed();
    summary_.stopped =
        people.another ? "a second recording begins at byte " + std::to_string(packets_.offset())
                       : packets_.stopped();
  }

  [[nodiscard]] bool ends_within_packet() const { return packets_.ends_within_packet(); }
  [[nodiscard]] Foreign foreign() const {
    return {.names = !people.has_header, .wakeups = !people.has_header && !has_wakings_};
  }

  People people;
  std::map<uint16_t, std::vector<Place>> bundles;  // by core, in the file's order
  uint64_t unpackable = 0;                         // packets that are packed, but not as we know it

 private:
  struct Packet {
    std::string_view contents;
    Bytes* from;  // that they lie in …
    uint64_t at;  // … from here on
  };

  void take(const Packet& packet) {
    try {
      take_fields(packet);
    } catch (const protozero::exception&) {
      ++summary_.broken;
    }
  }

  void take_fields(const Packet& packet) {
    protozero::pbf_message<field::Packet> fields(packet.contents.data(), packet.contents.size());
    bool used = false;
    while (!people.another && fields.next()) {
      if (fields.wire_type() != protozero::pbf_wire_type::length_delimited) {
        fields.skip();
        continue;
      }
      const auto tag = fields.tag();  // gone once the field is read
      const auto view = fields.get_view();
      const std::string_view part(view.data(), view.size());
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
        case field::Packet::compressed_packets:
          take_packed(part, packet);
          break;
        case field::Packet::track_descriptor:  // what ours show is in messages of our own as well
        case field::Packet::track_event:
          if (!people.has_header) continue;
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

  // Packed ones hold none that are packed again.
  void take_packed(std::string_view part, const Packet& packet) {
    const std::optional<std::string> packets =
        packet.from == &unpacked_ ? std::nullopt : inflated(part, kLargestPacked);
    if (!packets) {
      ++unpackable;
      ++summary_.broken;
      return;
    }
    if (unpacked_.size() + packets->size() > kLargestPacked + kMostUnpacked * packets_.followed())
      throw Failure("the recording unpacks to more than " + std::to_string(kMostUnpacked) +
                    " times its size, which no scheduler trace does");
    const uint64_t at = unpacked_.append(*packets);
    people.bytes += packets->size();
    const auto bytes = in_memory(*packets);
    Packets inner(*bytes);
    while (!people.another && inner.next())
      take({inner.contents(), &unpacked_, at + inner.offset()});
    if (!inner.stopped().empty()) ++summary_.broken;
  }

  void take_bundle(std::string_view bundle, const Packet& packet) {
    people.another = people.has_closing;  // which is the last of a recording of ours
    if (people.another) return;
    people.has_events = true;
    const BundleHead head = bundle_head(bundle.data(), bundle.size());
    if (!head.has_cpu || head.cpu >= kMostCores) {
      ++summary_.broken;
      return;
    }
    // Looked for until there is one: in nearly all files it is in the first bundle.
    if (!people.has_header && !has_wakings_)
      has_wakings_ = has_wakings(bundle.data(), bundle.size());
    const uint64_t offset =
        packet.at + static_cast<uint64_t>(bundle.data() - packet.contents.data());
    bundles[static_cast<uint16_t>(head.cpu)].push_back(
        {packet.from, offset, static_cast<uint32_t>(bundle.size())});
  }

  Bytes& bytes_;
  Unpacked unpacked_;
  Packets packets_;
  Summary& summary_;
  bool has_wakings_ = false;
};

// Of another recorder's file, the rows say no more than names; its beginning is its first event.
void hand_over_people(const People& people, Visitor& visitor) {
  visitor.header(people.header);
  for (const ts_thread_row& row : people.has_header ? people.opening : people.tree)
    visitor.row(Moment::opening, row);
  for (const ts_thread_row& row : people.closing_rows) visitor.row(Moment::closing, row);
  for (const RoleNote& role : people.roles) visitor.role(role);
  for (const RuntimeNote& note : people.runtimes) visitor.runtime(note);
  visitor.loops(people.loops);
  visitor.rings(people.rings);
  if (people.has_closing) visitor.closing(people.closing);
}

class Merge {
 public:
  Merge(Summary& summary, const Index& index, uint64_t boot_offset_ns) {
    for (const auto& [cpu, places] : index.bundles)
      cores_.push_back(
          std::make_unique<Core>(summary, cpu, boot_offset_ns, index.foreign(), places));
  }

  void begin() {
    for (const auto& core : cores_)
      if (core->next()) queue_.push(core.get());
  }

  [[nodiscard]] const ts_event* first() const {
    return queue_.empty() ? nullptr : &queue_.top()->event();
  }

  // One core's events follow each other many times before the queue must be turned over.
  bool next() {
    if (core_) {
      if (core_->next()) {
        if (queue_.empty() || core_->before(*queue_.top())) return true;
        queue_.push(core_);
      }
      core_ = nullptr;
    }
    if (queue_.empty()) return false;
    core_ = queue_.top();
    queue_.pop();
    return true;
  }
  [[nodiscard]] const ts_event& event() const { return core_->event(); }

  // By core; absent where none of its events is left. The event at hand is still to come again.
  [[nodiscard]] std::vector<std::optional<Core::Stand>> stands() const {
    std::vector<std::optional<Core::Stand>> stands;
    auto queue = queue_;
    std::vector<const Core*> waiting{core_};
    for (; !queue.empty(); queue.pop()) waiting.push_back(queue.top());
    for (const auto& core : cores_) {
      const bool waits = std::find(waiting.begin(), waiting.end(), core.get()) != waiting.end();
      stands.push_back(waits ? std::optional(core->stand()) : std::nullopt);
    }
    return stands;
  }
  void go_to(const std::vector<std::optional<Core::Stand>>& stands) {
    for (size_t i = 0; i < cores_.size(); ++i) {
      if (!stands[i]) continue;
      cores_[i]->go_to(*stands[i]);
      queue_.push(cores_[i].get());
    }
  }

 private:
  struct Later {
    bool operator()(const Core* a, const Core* b) const { return b->before(*a); }
  };
  std::vector<std::unique_ptr<Core>> cores_;
  std::priority_queue<Core*, std::vector<Core*>, Later> queue_;
  Core* core_ = nullptr;  // whose event was taken last; not in the queue
};

}  // namespace

struct Reader::Impl {
  Impl(Bytes& bytes, const std::string& name) : index(bytes, summary) {
    refuse_compressed(bytes, name);
    index.build();
    People& people = index.people;
    if (summary.packets == 0 && summary.stopped.empty()) throw Failure(name + " is empty");
    if (!people.has_header && index.bundles.empty()) refuse(name);
    if (!people.has_header) {
      people.header.recorder = "perfetto";
      people.header.boot_offset_ns =
          people.monotonic_ns ? people.boottime_ns - people.monotonic_ns : 0;
    }
    summary.has_closing = people.has_closing;
    summary.being_recorded = !people.has_closing && bytes.being_written();
    // A packet that is just being written is no fault.
    if (summary.being_recorded && index.ends_within_packet()) summary.stopped.clear();
    anew(summary).begin();
    if (!people.has_header && merge->first()) begin_with_events(people, merge->first()->time_ns);
  }

  static void refuse_compressed(Bytes& bytes, const std::string& name) {
    char beginning[8];
    const size_t size = bytes.read(0, beginning, sizeof(beginning));
    const std::string compressor = compressor_of({beginning, size});
    if (!compressor.empty())
      throw Failure(name + " is compressed by " + compressor + "; unpack it first");
  }

  [[noreturn]] void refuse(const std::string& name) const {
    if (index.unpackable != 0)
      throw Failure(name +
                    " has compressed packets that can't be unpacked: they are damaged, or not " +
                    "deflated; try Perfetto's traceconv (decompress_packets)");
    throw Failure(
        name + " is not a scheduler recording: it has no scheduling events in Perfetto's format");
  }

  static void begin_with_events(People& people, uint64_t first_ns) {
    people.header.begin_ns = first_ns;
    if (people.realtime_ns)
      people.header.realtime_ns =
          ClockPair{people.monotonic_ns, people.realtime_ns}.realtime_at(first_ns);
  }

  Merge& anew(Summary& counting) {
    counted = &counting;
    return merge.emplace(counting, index, index.people.header.boot_offset_ns);
  }

  Summary summary;
  Summary unasked;  // of what is read again
  Summary* counted = &summary;
  Index index;
  std::optional<Merge> merge;
};

Reader::Reader(Bytes& bytes, const std::string& name)
    : impl_(std::make_unique<Impl>(bytes, name)) {}

Reader::~Reader() = default;

void Reader::introduce(Visitor& visitor) const { hand_over_people(impl_->index.people, visitor); }

bool Reader::next() {
  do {
    if (!impl_->merge->next()) return false;
    // The header says that there is none so old.
    if (impl_->merge->event().time_ns >= impl_->index.people.header.begin_ns) break;
    ++impl_->counted->broken;
  } while (true);
  ++impl_->counted->events;
  impl_->counted->last_ns = impl_->merge->event().time_ns;
  return true;
}

const ts_event& Reader::event() const { return impl_->merge->event(); }

void Reader::rewind() { impl_->anew(impl_->unasked).begin(); }

struct Reader::Mark::Stands {
  std::vector<std::optional<Core::Stand>> by_core;
};

Reader::Mark Reader::mark() const {
  Mark mark;
  mark.stands_ = std::make_shared<Mark::Stands>(Mark::Stands{impl_->merge->stands()});
  return mark;
}

void Reader::go_to(const Mark& mark) { impl_->anew(impl_->unasked).go_to(mark.stands_->by_core); }

const Summary& Reader::summary() const { return impl_->summary; }

Summary read(Bytes& bytes, const std::string& name, Visitor& visitor) {
  Reader reader(bytes, name);
  reader.introduce(visitor);
  while (reader.next()) visitor.event(reader.event());
  return reader.summary();
}

}  // namespace timeslice::trace
