// SPDX-License-Identifier: MIT
#include "tools/recorder.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "base/failure.h"
#include "loop/loop.h"
#include "loop/process.h"
#include "model/settle.h"
#include "model/tracker.h"
#include "observe/process_facts.h"
#include "observe/source.h"
#include "observe/stream.h"
#include "observe/targets.h"
#include "tools/look_up.h"
#include "tools/recording_file.h"
#include "trace/writer.h"
#include "view/number.h"

namespace timeslice::tools {

namespace {

using namespace std::chrono_literals;

constexpr auto kFlushEvery = 200ms;          // what a killed recorder loses at most
constexpr auto kLookEvery = 1s;              // for threads' roles
constexpr uint64_t kMostWaiting = 64 << 20;  // bytes for a slow disk; then the rings fill

uint64_t own_cpu_ns() { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

// How much longer than CLOCK_MONOTONIC the machine has been up: the time that it was suspended.
// Both clocks tick alike, so what is less than it takes to read them is nothing.
uint64_t boot_offset_ns() {
  const uint64_t before = monotonic_ns();
  const uint64_t boot = clock_ns(CLOCK_BOOTTIME);
  return boot > monotonic_ns() ? boot - before : 0;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

class Recorder {
 public:
  explicit Recorder(const RecordOptions& options)
      : options_(options),
        interrupt_(loop_, SIGINT, [this] { end(""); }),
        terminate_(loop_, SIGTERM, [this] { end(""); }),
        hang_up_(loop_, SIGHUP, [this] { end(""); }),
        file_(loop_, writing_, options.path, [this](const std::string&) { end("the disk"); }),
        stream_(stream_options()),
        source_(observe::open_count_source({})),
        tracker_(look_up_through(files_),
                 [this](const model::Process& process, const ts_thread_row&) {
                   return is_inside(process.tgid);
                 }),
        flush_timer_(loop_, [this] { flush(); }),
        look_timer_(loop_, [this] { look(); }),
        end_timer_(loop_, [this] { end(""); }) {
    inside_.insert(options.tgids.begin(), options.tgids.end());
  }

  void run() {
    open();
    if (!options_.command.empty()) start_command();
    listen();
    loop_.update_time();
    flush_timer_.start(kFlushEvery, kFlushEvery);
    look_timer_.start(100ms, kLookEvery);
    if (options_.seconds > 0)
      end_timer_.start(std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::duration<double>(options_.seconds)));
    loop_.run();
    say_result();
  }

 private:
  [[nodiscard]] bool filtered() const {
    return !options_.tgids.empty() || !options_.command.empty();
  }
  [[nodiscard]] bool is_inside(uint32_t tgid) const {
    return !filtered() || inside_.count(tgid) != 0;
  }

  // A command is followed from its first breath: until it has been forked, we are in the filter
  // ourselves, and what the filter holds is followed over forks.
  [[nodiscard]] observe::StreamOptions stream_options() const {
    observe::StreamOptions stream;
    stream.tgids = options_.tgids;
    if (!options_.command.empty()) stream.tgids.push_back(static_cast<uint32_t>(getpid()));
    stream.leave_out_self = !options_.with_self;
    stream.ring_bytes = options_.ring_kib << 10;
    return stream;
  }

  // Who is there now, at one moment; and every record since a little before it, in held_.
  struct Cut {
    uint64_t moment_ns;
    std::vector<ts_thread_row> rows;
  };
  Cut cut() {
    held_.clear();
    const uint64_t begin_ns = monotonic_ns();
    const observe::Snapshot& snapshot = source_->read();
    const uint64_t end_ns = monotonic_ns();
    stream_.consume([this](const ts_event& event) { held_.add(event); });
    const uint64_t moment_ns = end_ns;
    std::vector<ts_thread_row> rows =
        model::settle(snapshot.threads, begin_ns, end_ns, moment_ns, held_);
    learn(snapshot);
    return {moment_ns, std::move(rows)};
  }

  void open() {
    stream_.consume([](const ts_event&) {});  // what happened before the pass
    const Cut begin = cut();
    begin_ns_ = begin.moment_ns;
    trace::Header header;
    header.begin_ns = begin_ns_;
    header.boot_offset_ns = boot_offset_ns_ = boot_offset_ns();
    header.realtime_ns = clock_ns(CLOCK_REALTIME) - (monotonic_ns() - begin_ns_);
    utsname machine{};
    uname(&machine);
    header.system = machine.sysname;
    header.release = machine.release;
    header.machine = machine.machine;
    header.cores = static_cast<uint32_t>(stream_.figures().size());
    header.filtered = filtered();
    header.tgids = options_.tgids;
    header.asked = joined(options_.command);
    header.recorder_tgid = static_cast<uint32_t>(getpid());
    writer_.emplace(header);
    for (ts_thread_row row : begin.rows) {
      if (!is_inside(row.tgid)) row.flags |= TS_THREAD_OUTSIDE;
      writer_->row(trace::Moment::opening, row);
    }
    write_roles();
    for (const ts_event* event : held_.sorted()) take(*event);
    flush();
  }

  void start_command() {
    loop::ProcessOptions process;
    process.file = options_.command.front();
    process.arguments = options_.command;
    process.stdio = {loop::Stdio::inherit(), loop::Stdio::inherit(), loop::Stdio::inherit()};
    command_.emplace(loop_, process, [this](const loop::ExitStatus&) { end("the command"); });
    const int error = command_->start();
    stream_.forget(static_cast<uint32_t>(getpid()));
    if (error < 0) throw failure_from_errno("cannot start " + process.file, -error);
  }

  void listen() {
    loop_.poll(rings_, stream_.fd(), POLLIN, [this](loop::Request&) {
      if (ended_) return;
      drain();
      listen();
    });
  }

  void take(const ts_event& event) {
    if (event.time_ns > last_ns_) return;  // after the recording's end
    if (event.kind == TS_EVENT_FORK) {
      const auto& identity = reinterpret_cast<const ts_event_identity&>(event);
      if (!(identity.flags & TS_THREAD_OUTSIDE)) inside_.insert(identity.tgid);
    }
    writer_->event(event);
  }

  void drain() {
    if (file_.waiting() > kMostWaiting) return;  // the disk is slow: the rings count what is lost
    stream_.consume([this](const ts_event& event) { take(event); });
    file_.append(writer_->bytes());
    writer_->clear();
    if (options_.max_bytes && file_.bytes() >= options_.max_bytes) end("its size");
  }

  void flush() {
    if (ended_) return;
    drain();
    if (ended_) return;
    writer_->flush();
    file_.append(writer_->bytes());
    writer_->clear();
    say_progress();
    if (!options_.tgids.empty() && options_.command.empty() && watched_are_gone())
      end("the processes");
  }

  [[nodiscard]] bool watched_are_gone() const {
    for (const uint32_t tgid : options_.tgids)
      if (observe::process_exists(tgid)) return false;
    return true;
  }

  // Roles are told by what threads sleep in, so the first look may be too early.
  void look() {
    if (ended_) return;
    learn(source_->read());
    write_roles();
  }

  void learn(const observe::Snapshot& snapshot) {
    frame_ = &tracker_.advance({&snapshot.header, snapshot.threads, snapshot.scheds, snapshot.news,
                                snapshot.cores, source_->name(), source_->rung()});
    ++looks_;
  }

  void write_roles() {
    for (const model::Thread* thread : frame_->threads) {
      if (thread->changed_at != looks_ || thread->role.confidence <= 0) continue;
      const uint64_t key = thread->row.start_ns ^ (static_cast<uint64_t>(thread->row.tid) << 40);
      double& written = roles_written_[key];
      if (written >= thread->role.confidence) continue;
      written = thread->role.confidence;
      writer_->role({thread->row.tid, thread->row.start_ns, thread->role.name,
                     thread->role.evidence, thread->role.confidence});
    }
  }

  void end(const char* ended_by) {
    if (ended_) return;
    ended_ = true;
    flush_timer_.stop();
    look_timer_.stop();
    end_timer_.stop();
    if (file_.failure().empty()) close(ended_by);
    stream_.detach();
    if (file_.idle()) return loop_.stop();
    wait_for_file_.emplace(loop_, [this] {
      if (file_.idle()) loop_.stop();
    });
    wait_for_file_->start(0ms, 1ms);
  }

  void close(const char* ended_by) {
    const Cut finish = cut();
    last_ns_ = finish.moment_ns;
    for (const ts_event* event : held_.sorted()) take(*event);
    writer_->flush();
    write_roles();
    for (const ts_thread_row& row : finish.rows)
      if (is_inside(row.tgid)) writer_->row(trace::Moment::closing, row);
    trace::Closing closing;
    closing.end_ns = finish.moment_ns;
    for (const ts_stream_core& core : stream_.figures()) {
      closing.lost.push_back(core.dropped[TS_DROP_FULL]);
      lost_ += core.dropped[TS_DROP_FULL];
    }
    closing.filter_failures = stream_.filter_failures();
    const uint64_t offset_ns = boot_offset_ns();
    if (offset_ns > boot_offset_ns_ + 1'000'000) closing.suspended_ns = offset_ns - boot_offset_ns_;
    closing.recorder_cpu_ns = own_cpu_ns();
    closing.ended_by = ended_by;
    writer_->closing(closing);
    file_.append(writer_->bytes());
    writer_->clear();
    ended_by_ = ended_by;
  }

  void say_progress() {
    if (options_.quiet || !isatty(STDERR_FILENO)) return;
    const uint64_t now_ns = monotonic_ns();
    if (now_ns - said_ns_ < 500'000'000) return;
    said_ns_ = now_ns;
    uint64_t lost = 0;
    for (const ts_stream_core& core : stream_.figures()) lost += core.dropped[TS_DROP_FULL];
    const double seconds = static_cast<double>(now_ns - begin_ns_) / 1e9;
    fmt::print(stderr, "\r{:.1f} s  {} events  {:.0f}/s  {:.1f} MB  {} lost\033[K", seconds,
               view::grouped(writer_->events()), static_cast<double>(writer_->events()) / seconds,
               static_cast<double>(file_.bytes()) / 1e6, view::grouped(lost));
    said_ = true;
  }

  void say_result() {
    if (said_) fmt::print(stderr, "\r\033[K");
    if (!file_.failure().empty())
      throw Failure(file_.failure() + "; what was recorded until then can be read");
    if (options_.quiet) return;
    std::string end = ended_by_.empty() ? "" : "; " + ended_by_ + " ended it";
    if (ended_by_ == "its size") end = "; it ends here for its size was limited";
    fmt::print(stderr, "timeslice: {}: {:.2f} s, {} events in {:.2f} MB, {}{}\n", options_.path,
               static_cast<double>(last_ns_ - begin_ns_) / 1e9, view::grouped(writer_->events()),
               static_cast<double>(file_.bytes()) / 1e6,
               lost_ ? view::grouped(lost_) + " lost" : "nothing lost", end);
  }

  const RecordOptions& options_;
  loop::Request rings_, writing_;  // outlive the loop that they are in flight on
  loop::Loop loop_;
  // Before the stream, which takes a while to load: a signal waits until then.
  loop::Signal interrupt_, terminate_, hang_up_;
  RecordingFile file_;
  observe::Stream stream_;
  std::unique_ptr<observe::Source> source_;
  observe::ProcessLookUp files_;
  std::unordered_set<uint32_t> inside_;  // tgids that are recorded, where there is a filter
  model::Tracker tracker_;
  const model::Frame* frame_ = nullptr;
  uint64_t looks_ = 0;
  std::unordered_map<uint64_t, double> roles_written_;
  model::Meanwhile held_;
  std::optional<trace::Writer> writer_;
  std::optional<loop::Process> command_;
  loop::Timer flush_timer_, look_timer_, end_timer_;
  std::optional<loop::Timer> wait_for_file_;
  uint64_t begin_ns_ = 0, last_ns_ = UINT64_MAX, boot_offset_ns_ = 0, said_ns_ = 0, lost_ = 0;
  std::string ended_by_;
  bool ended_ = false, said_ = false;
};

}  // namespace

void record(const RecordOptions& options) { Recorder(options).run(); }

}  // namespace timeslice::tools
