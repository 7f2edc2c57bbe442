// SPDX-License-Identifier: MIT
#include "trace/uring_packets.h"

#include <algorithm>
#include <set>

#include "bpf/uring.h"
#include "bpf/uring_names.h"
#include "trace/packet_writer.h"

namespace timeslice::trace {

namespace {

// So that others' tracks have other numbers. A process's is the one that its event loops are below.
constexpr uint64_t kOurs = uint64_t{0x3a5} << 54, kProcess = uint64_t{0x7473} << 48;
constexpr uint32_t kOfRing = 0xfe, kOfProcess = 0xff;  // in place of an opcode
enum OfRing : uint32_t { in_flight, slowest };
enum OfProcess : uint32_t { workers, workers_cpu, sqpoll_cpu };

const char* const kRoutes[] = {"inline", "async callback", "poll", "io-wq"};

double per_s(uint64_t count, uint64_t interval_ns) {
  return static_cast<double>(count) * 1e9 / static_cast<double>(interval_ns);
}

double percent(uint64_t cpu_ns, uint64_t interval_ns) {
  return static_cast<double>(cpu_ns) * 100 / static_cast<double>(interval_ns);
}

// Of its longest bucket that isn't empty, the end, in us.
double slowest_us(const RingStretchNote& stretch) {
  uint32_t last = 0;
  bool any = false;
  for (const RingOpNote& op : stretch.ops)
    for (const uint32_t bucket : op.latency_buckets) {
      last = std::max(last, std::min<uint32_t>(bucket, TS_WAIT_BUCKETS - 1));
      any = true;
    }
  return any ? static_cast<double>(ts_wait_bucket_floor_ns(last + 1)) / 1e3 : 0;
}

std::string op_name(uint32_t slot) {
  if (slot == TS_URING_UNNAMED) return "unnamed";
  const char* const name = ts_uring_op_name(slot);
  return name ? name : "op " + std::to_string(slot);
}

std::string ring_name(int32_t fd) {
  return fd < 0 ? "io_uring, other rings" : "io_uring ring " + std::to_string(fd);
}

}  // namespace

// Ids and descriptors are below 2^22 (PID_MAX_LIMIT, and nr_open as it is set everywhere).
uint64_t UringPackets::Track::ring() const {
  return kOurs | uint64_t{tgid & 0x3fffffU} << 32 |
         uint64_t{static_cast<uint32_t>(fd) & 0x3fffffU} << 10;
}
uint64_t UringPackets::Track::uuid() const { return ring() | slot << 2 | which; }

void UringPackets::describe_process(std::string& out, uint32_t tgid) {
  const uint64_t uuid = kProcess | uint64_t{tgid & 0x3fffffU} << 22;
  if (!values_.try_emplace(uuid).second) return;
  std::string process, descriptor;
  Message<field::TrackProcess>(process).add_uint32(field::TrackProcess::pid, tgid);
  Message<field::Track> message(descriptor);
  message.add_uint64(field::Track::uuid, uuid);
  message.add_message(field::Track::process, process);
  append_packet(out, packet_with(field::Packet::track_descriptor, descriptor));
}

void UringPackets::describe(std::string& out, const Track& track, const std::string& name) {
  if (!values_.try_emplace(track.uuid()).second) return;
  describe_process(out, track.tgid);
  std::string descriptor, counter;
  Message<field::Counter>(counter).add_uint32(field::Counter::unit, field::kUnitCount);
  Message<field::Track> message(descriptor);
  message.add_uint64(field::Track::uuid, track.uuid());
  message.add_uint64(field::Track::parent_uuid, kProcess | uint64_t{track.tgid & 0x3fffffU} << 22);
  message.add_string(field::Track::name, name);
  message.add_message(field::Track::counter, counter);
  append_packet(out, packet_with(field::Packet::track_descriptor, descriptor));
}

void UringPackets::count(std::string& out, uint64_t uuid, uint64_t time_ns, double value) {
  values_[uuid] = value;
  std::string event;
  Message<field::TrackEvent> message(event);
  message.add_uint32(field::TrackEvent::type, field::kCounterValue);
  message.add_uint64(field::TrackEvent::track_uuid, uuid);
  message.add_double(field::TrackEvent::double_value, value);
  std::string packet = packet_with(field::Packet::track_event, event);
  Message<field::Packet>(packet).add_uint64(field::Packet::timestamp, time_ns + boot_offset_ns_);
  append_packet(out, packet);
}

void UringPackets::count(std::string& out, const Track& track, const std::string& name,
                         uint64_t time_ns, double value) {
  describe(out, track, name);
  count(out, track.uuid(), time_ns, value);
}

// A counter's value holds until its next one, so a stretch's stands at its beginning, and an opcode
// and route of which there are no more is brought back to 0.
void UringPackets::append(std::string& out, const RingStretchNote& stretch) {
  const uint64_t interval = stretch.end_ns - stretch.begin_ns;
  if (stretch.end_ns <= stretch.begin_ns) return;
  const std::string ring = ring_name(stretch.fd);
  std::set<uint64_t> counted;
  for (const RingOpNote& op : stretch.ops) {
    const uint64_t counts[] = {op.in_line, op.async_callback, op.poll, op.io_wq};
    for (uint32_t route = 0; route < TS_URING_ROUTES; ++route) {
      if (counts[route] == 0 || op.slot >= TS_URING_SLOTS) continue;
      const Track track{stretch.tgid, stretch.fd, op.slot, route};
      count(out, track, ring + ", " + op_name(op.slot) + " " + kRoutes[route] + ", per second",
            stretch.begin_ns, per_s(counts[route], interval));
      counted.insert(track.uuid());
    }
  }
  const Track first{stretch.tgid, stretch.fd, 0, 0};
  for (auto at = values_.lower_bound(first.ring());
       at != values_.end() && at->first < first.ring() + (uint64_t{kOfRing} << 2); ++at)
    if (at->second != 0 && !counted.count(at->first)) count(out, at->first, stretch.begin_ns, 0);
  count(out, {stretch.tgid, stretch.fd, kOfRing, OfRing::in_flight}, ring + ", in flight",
        stretch.end_ns, static_cast<double>(stretch.in_flight));
  count(out, {stretch.tgid, stretch.fd, kOfRing, OfRing::slowest}, ring + ", slowest, us",
        stretch.begin_ns, slowest_us(stretch));
}

void UringPackets::append(std::string& out, const RingThreadsNote& threads) {
  if (threads.end_ns <= threads.begin_ns) return;
  const uint64_t interval = threads.end_ns - threads.begin_ns;
  const auto tell = [&](OfProcess which, const char* name, double value) {
    const Track track{threads.tgid, -1, kOfProcess, which};
    if (value == 0 && !values_.count(track.uuid())) return;  // most have no such thread
    count(out, track, name, threads.begin_ns, value);
  };
  tell(OfProcess::workers, "io_uring, io-wq workers", threads.workers);
  tell(OfProcess::workers_cpu, "io_uring, io-wq workers' CPU, %",
       percent(threads.workers_cpu_ns, interval));
  tell(OfProcess::sqpoll_cpu, "io_uring, SQPOLL's CPU, %",
       percent(threads.sqpoll_cpu_ns, interval));
}

}  // namespace timeslice::trace
