// SPDX-License-Identifier: MIT
#include "trace/writer.h"

#include <cstring>
#include <utility>

#include "trace/packet_writer.h"
#include "trace/tables.h"

namespace timeslice::trace {

namespace {

constexpr size_t kRowsAtOnce = 64 << 10;  // bytes of rows in a packet

std::string_view comm_of(const char (&comm)[TS_COMM_SIZE]) {
  return {comm, strnlen(comm, TS_COMM_SIZE)};
}

std::string encoded(const ts_thread_row& row) {
  std::string text;
  put_fields(text, row, table::kRowName);
  if (!(row.flags & TS_THREAD_OUTSIDE)) put_fields(text, row, table::kRowRest);
  return text;
}

template <typename Note, typename Table>
std::string encoded(const Note& note, const Table& table) {
  std::string text;
  put_fields(text, note, table);
  return text;
}

std::string encoded(const LoopFunctionNote& function) {
  std::string text = encoded(function, table::kLoopFunction);
  Message<field::LoopFunction> out(text);
  out.add_message(field::LoopFunction::frame, encoded(function.frame, table::kFrame));
  for (const FrameNote& frame : function.stack)
    out.add_message(field::LoopFunction::stack, encoded(frame, table::kFrame));
  return text;
}

std::string encoded(const LoopBlockNote& block) {
  std::string text = encoded(block, table::kLoopBlock);
  for (const LoopFunctionNote& function : block.functions)
    Message<field::LoopBlock>(text).add_message(field::LoopBlock::function, encoded(function));
  return text;
}

std::string encoded(const RingStretchNote& stretch) {
  std::string text = encoded(stretch, table::kRingStretch);
  for (const RingOpNote& op : stretch.ops)
    Message<field::RingStretch>(text).add_message(field::RingStretch::op,
                                                  encoded(op, table::kRingOp));
  return text;
}

// A thread as Perfetto's viewer wants to know it.
void add_to_tree(std::string& tree, uint32_t tid, uint32_t tgid, uint32_t ppid,
                 std::string_view comm) {
  Message<field::ProcessTree> out(tree);
  if (tid == tgid) {
    std::string text;
    Message<field::Process> process(text);
    process.add_uint32(field::Process::pid, tgid);
    process.add_uint32(field::Process::ppid, ppid);
    process.add_bytes(field::Process::cmdline, comm.data(), comm.size());
    out.add_message(field::ProcessTree::process, text);
  }
  std::string text;
  Message<field::Thread> thread(text);
  thread.add_uint32(field::Thread::tid, tid);
  thread.add_bytes(field::Thread::name, comm.data(), comm.size());
  thread.add_uint32(field::Thread::tgid, tgid);
  out.add_message(field::ProcessTree::thread, text);
}

}  // namespace

Writer::Writer(const Header& header)
    : header_(header), loop_packets_(header.boot_offset_ns), uring_packets_(header.boot_offset_ns) {
  header_.version = kVersion;
  append_clocks();
  append_system();
  append_header();
}

// The file's times are CLOCK_BOOTTIME, as Perfetto has it: ours, and what they were apart then.
void Writer::append_clocks() {
  std::string clocks;
  const auto add = [&](uint32_t id, uint64_t now_ns) {
    std::string text;
    Message<field::Clock> clock(text);
    clock.add_uint32(field::Clock::id, id);
    clock.add_uint64(field::Clock::timestamp, now_ns);
    Message<field::Clocks>(clocks).add_message(field::Clocks::clock, text);
  };
  if (header_.realtime_ns) add(field::kRealtime, header_.realtime_ns);
  add(field::kMonotonic, header_.begin_ns);
  add(field::kBoottime, header_.begin_ns + header_.boot_offset_ns);
  std::string packet;
  Message<field::Packet> message(packet);
  message.add_uint32(field::Packet::sequence_id, kSequence);
  message.add_uint64(field::Packet::timestamp, header_.begin_ns + header_.boot_offset_ns);
  message.add_message(field::Packet::clock_snapshot, clocks);
  append_packet(bytes_, packet);
}

void Writer::append_system() {
  std::string name;
  Message<field::Utsname> utsname(name);
  utsname.add_string(field::Utsname::sysname, header_.system);
  utsname.add_string(field::Utsname::release, header_.release);
  utsname.add_string(field::Utsname::machine, header_.machine);
  std::string info;
  Message<field::SystemInfo>(info).add_message(field::SystemInfo::utsname, name);
  append_packet(bytes_, packet_with(field::Packet::system_info, info));
}

void Writer::append_header() {
  std::string text;
  put_fields(text, header_, table::kHeader);
  Message<field::Ours>(ours_).add_message(field::Ours::header, text);
  flush_people();
}

void Writer::flush_people() {
  for (auto [part, number] :
       {std::pair{&tree_, field::Packet::process_tree}, std::pair{&ours_, field::Packet::ours}}) {
    if (part->empty()) continue;
    append_packet(bytes_, packet_with(number, *part));
    part->clear();
  }
}

void Writer::opening(const ts_thread_row& row) {
  Message<field::Ours>(ours_).add_message(field::Ours::opening, encoded(row));
  names_.set(row.tid, row.comm, row.flags);
  add_to_tree(tree_, row.tid, row.tgid, row.ppid, comm_of(row.comm));
  if (ours_.size() >= kRowsAtOnce) flush_people();
}

void Writer::role(const RoleNote& role) {
  Message<field::Ours>(ours_).add_message(field::Ours::role, encoded(role, table::kRole));
}

void Writer::runtime(const RuntimeNote& note) {
  Message<field::Ours>(ours_).add_message(field::Ours::runtime, encoded(note, table::kRuntime));
}

void Writer::loop(const LoopNote& loop) {
  LoopNote& told = loops_[{loop.tgid, loop.tid}];
  if (told == loop) return;
  told = loop;
  Message<field::Ours>(ours_).add_message(field::Ours::loop, encoded(loop, table::kLoop));
}

void Writer::loop_process(const LoopProcessNote& process) {
  LoopProcessNote& told = loop_processes_[process.tgid];
  if (told == process) return;
  told = process;
  Message<field::Ours>(ours_).add_message(field::Ours::loop_process,
                                          encoded(process, table::kLoopProcess));
}

void Writer::loop_stretch(const LoopStretchNote& stretch) {
  Message<field::Ours>(ours_).add_message(field::Ours::loop_stretch,
                                          encoded(stretch, table::kLoopStretch));
  loop_packets_.append(bytes_, stretch);
}

void Writer::loop_block(const LoopBlockNote& block) {
  Message<field::Ours>(ours_).add_message(field::Ours::loop_block, encoded(block));
  loop_packets_.append(bytes_, block);
}

void Writer::pool_stretch(const PoolStretchNote& stretch) {
  Message<field::Ours>(ours_).add_message(field::Ours::pool_stretch,
                                          encoded(stretch, table::kPoolStretch));
  loop_packets_.append(bytes_, stretch);
}

void Writer::loop_trouble(const LoopTroubleNote& trouble) {
  Message<field::Ours>(ours_).add_message(field::Ours::loop_trouble,
                                          encoded(trouble, table::kLoopTrouble));
}

void Writer::ring(const RingNote& ring) {
  RingNote timeless = ring;
  timeless.time_ns = 0;
  std::string state = encoded(timeless, table::kRing);
  std::string& told = rings_[{ring.tgid, ring.fd}];
  if (told == state) return;
  told = std::move(state);
  Message<field::Ours>(ours_).add_message(field::Ours::ring, encoded(ring, table::kRing));
}

void Writer::ring_stretch(const RingStretchNote& stretch) {
  Message<field::Ours>(ours_).add_message(field::Ours::ring_stretch, encoded(stretch));
  uring_packets_.append(bytes_, stretch);
}

void Writer::ring_threads(const RingThreadsNote& threads) {
  Message<field::Ours>(ours_).add_message(field::Ours::ring_threads,
                                          encoded(threads, table::kRingThreads));
  uring_packets_.append(bytes_, threads);
}

void Writer::ring_trust(const RingTrustNote& trust) {
  Message<field::Ours>(ours_).add_message(field::Ours::ring_trust,
                                          encoded(trust, table::kRingTrust));
}

void Writer::ring_trouble(const std::string& why) {
  if (ring_troubles_.insert(why).second)
    Message<field::Ours>(ours_).add_string(field::Ours::ring_trouble, why);
}

BundleWriter& Writer::core(uint16_t cpu) {
  while (cores_.size() <= cpu)
    cores_.emplace_back(static_cast<uint16_t>(cores_.size()), header_.boot_offset_ns,
                        header_.filtered);
  return cores_[cpu];
}

void Writer::event(const ts_event& event) {
  if (event.kind == TS_EVENT_FORK || event.kind == TS_EVENT_EXEC || event.kind == TS_EVENT_RENAME) {
    const auto& identity = reinterpret_cast<const ts_event_identity&>(event);
    names_.set(event.tid, identity.comm, identity.flags);
    add_to_tree(tree_, event.tid, identity.tgid, identity.ppid, comm_of(identity.comm));
  }
  if (event.time_ns < header_.begin_ns) return;
  BundleWriter& bundle = core(event.cpu);
  bundle.add(event, names_);
  ++events_;
  if (bundle.events() == BundleWriter::kMost) {
    flush_people();
    bundle.finish(bytes_);
  }
}

void Writer::flush() {
  flush_people();
  for (BundleWriter& bundle : cores_) bundle.finish(bytes_);
}

std::string closing_packets(const std::vector<ts_thread_row>& rows, const Closing& closing) {
  std::string bytes, ours;
  const auto put = [&] {
    append_packet(bytes, packet_with(field::Packet::ours, ours));
    ours.clear();
  };
  for (const ts_thread_row& row : rows) {
    Message<field::Ours>(ours).add_message(field::Ours::closing_row, encoded(row));
    if (ours.size() >= kRowsAtOnce) put();
  }
  std::string text;
  put_fields(text, closing, table::kClosing);
  Message<field::Ours>(ours).add_message(field::Ours::closing, text);
  put();
  return bytes;
}

}  // namespace timeslice::trace
