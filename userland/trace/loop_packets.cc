// SPDX-License-Identifier: MIT
#include "trace/loop_packets.h"

#include <algorithm>

#include "trace/packet_writer.h"

namespace timeslice::trace {

namespace {

enum Kind : uint32_t { process, loop, utilisation, delay, pool_busy, pool_queue };

// Of a track or a counter, as the viewer has it. A loop's says which thread it is of.
const char* const kNames[] = {"",
                              "event loop",
                              "event loop utilisation, %",
                              "event loop delay, longest, ms",
                              "thread pool, busy threads",
                              "thread pool, jobs waiting"};

constexpr uint64_t kOurs = uint64_t{0x7473} << 48;  // so that others' tracks have other numbers

double ms(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

std::string name_of(uint32_t kind, uint32_t tgid, uint32_t tid) {
  std::string name = kNames[kind];
  if (tid != 0 && tid != tgid) name.insert(10, " of worker thread " + std::to_string(tid));
  return name;
}

void add_text(std::string& event, const char* name, const std::string& text) {
  std::string annotation;
  Message<field::Annotation> out(annotation);
  out.add_string(field::Annotation::name, name);
  out.add_string(field::Annotation::string_value, text);
  Message<field::TrackEvent>(event).add_message(field::TrackEvent::annotation, annotation);
}

void add_number(std::string& event, const char* name, double number) {
  std::string annotation;
  Message<field::Annotation> out(annotation);
  out.add_string(field::Annotation::name, name);
  out.add_double(field::Annotation::double_value, number);
  Message<field::TrackEvent>(event).add_message(field::TrackEvent::annotation, annotation);
}

void add_figures(std::string& event, const LoopBlockNote& block) {
  const uint64_t awake = std::min(block.oncpu_ns + block.wait_ns, block.duration_ns);
  add_number(event, "on_cpu_ms", ms(block.oncpu_ns));
  add_number(event, "waiting_for_cpu_ms", ms(block.wait_ns));
  add_number(event, "asleep_in_a_call_ms", ms(block.duration_ns - awake));
  if (!block.phase.empty()) add_text(event, "phase", block.phase);
  add_number(event, "samples", block.samples);
  if (!block.functions.empty() && block.named)
    add_number(event, "share_of_samples", 1.0 * block.functions.front().samples / block.named);
  if (block.samples) {
    const double each_ms = ms(block.duration_ns) / block.samples;
    add_number(event, "javascript_ms", each_ms * block.javascript);
    add_number(event, "garbage_collection_ms", each_ms * block.garbage_collector);
    add_number(event, "compiler_ms", each_ms * block.compiler);
    add_number(event, "native_ms", each_ms * block.native);
  }
  if (!block.ended) add_text(event, "goes_on", "after the end of the recording");
}

}  // namespace

std::string slice_name(const LoopBlockNote& block) {
  if (block.functions.empty()) return "blocked";
  const FrameNote& frame = block.functions.front().frame;
  std::string name = frame.function.empty() ? "(anonymous)" : frame.function;
  if (!frame.file.empty()) {
    name += (frame.evaluated ? " (eval at " : frame.exact ? " (" : " (about ") + frame.file;
    if (frame.line > 0) name += ":" + std::to_string(frame.line);
    name += ")";
  }
  for (char& c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return name;
}

// Ids are below 2^22 (PID_MAX_LIMIT).
uint64_t LoopPackets::Track::uuid() const {
  return kOurs | uint64_t{kind} << 44 | uint64_t{tgid & 0x3fffffU} << 22 | (tid & 0x3fffffU);
}

void LoopPackets::describe_process(std::string& out, uint32_t tgid) {
  const Track track{Kind::process, tgid, 0};
  if (!ends_ns_.try_emplace(track.uuid()).second) return;
  std::string process, descriptor;
  Message<field::TrackProcess>(process).add_uint32(field::TrackProcess::pid, tgid);
  Message<field::Track> message(descriptor);
  message.add_uint64(field::Track::uuid, track.uuid());
  message.add_message(field::Track::process, process);
  append_packet(out, packet_with(field::Packet::track_descriptor, descriptor));
}

void LoopPackets::describe(std::string& out, const Track& track) {
  if (!ends_ns_.try_emplace(track.uuid()).second) return;
  describe_process(out, track.tgid);
  std::string descriptor;
  Message<field::Track> message(descriptor);
  message.add_uint64(field::Track::uuid, track.uuid());
  message.add_uint64(field::Track::parent_uuid, Track{Kind::process, track.tgid, 0}.uuid());
  message.add_string(field::Track::name, name_of(track.kind, track.tgid, track.tid));
  if (track.kind != Kind::loop) {
    std::string counter;
    Message<field::Counter>(counter).add_uint32(field::Counter::unit, field::kUnitCount);
    message.add_message(field::Track::counter, counter);
  }
  append_packet(out, packet_with(field::Packet::track_descriptor, descriptor));
}

void LoopPackets::append_event(std::string& out, uint64_t time_ns, const std::string& event) const {
  std::string packet = packet_with(field::Packet::track_event, event);
  Message<field::Packet>(packet).add_uint64(field::Packet::timestamp, time_ns + boot_offset_ns_);
  append_packet(out, packet);
}

void LoopPackets::count(std::string& out, const Track& track, uint64_t time_ns, double value) {
  describe(out, track);
  std::string event;
  Message<field::TrackEvent> message(event);
  message.add_uint32(field::TrackEvent::type, field::kCounterValue);
  message.add_uint64(field::TrackEvent::track_uuid, track.uuid());
  message.add_double(field::TrackEvent::double_value, value);
  append_event(out, time_ns, event);
}

// A counter's value holds until its next one, so a stretch's stands at its beginning.
void LoopPackets::append(std::string& out, const LoopStretchNote& stretch) {
  const uint64_t interval = stretch.end_ns - stretch.begin_ns;
  if (interval == 0) return;
  describe(out, {Kind::loop, stretch.tgid, stretch.tid});  // though there may be no block on it
  const uint64_t active = stretch.oncpu_ns + stretch.wait_ns + stretch.asleep_ns;
  count(out, {Kind::utilisation, stretch.tgid, stretch.tid}, stretch.begin_ns,
        100.0 * static_cast<double>(active) / static_cast<double>(interval));
  count(out, {Kind::delay, stretch.tgid, stretch.tid}, stretch.begin_ns,
        stretch.delays_ns.empty() ? 0 : ms(stretch.delays_ns.back()));
}

void LoopPackets::append(std::string& out, const PoolStretchNote& stretch) {
  count(out, {Kind::pool_busy, stretch.tgid, 0}, stretch.begin_ns, stretch.busy);
  if (stretch.counts_queue)
    count(out, {Kind::pool_queue, stretch.tgid, 0}, stretch.end_ns,
          1.0 * stretch.queued + stretch.slow);
}

// Turns follow each other, but where one ends and the next begins may be known to some ms only:
// slices that overlap would be drawn as if one had called the other.
void LoopPackets::append(std::string& out, const LoopBlockNote& block) {
  const Track track{Kind::loop, block.tgid, block.tid};
  describe(out, track);
  uint64_t& last_ns = ends_ns_[track.uuid()];
  const uint64_t end_ns = block.start_ns + block.duration_ns;
  if (end_ns <= last_ns) return;
  std::string begin, end;
  Message<field::TrackEvent> message(begin);
  message.add_uint32(field::TrackEvent::type, field::kSliceBegin);
  message.add_uint64(field::TrackEvent::track_uuid, track.uuid());
  message.add_string(field::TrackEvent::category, "event loop");
  message.add_string(field::TrackEvent::name, slice_name(block));
  add_figures(begin, block);
  append_event(out, std::max(block.start_ns, last_ns), begin);
  Message<field::TrackEvent> closing(end);
  closing.add_uint32(field::TrackEvent::type, field::kSliceEnd);
  closing.add_uint64(field::TrackEvent::track_uuid, track.uuid());
  append_event(out, end_ns, end);
  last_ns = end_ns;
}

}  // namespace timeslice::trace
