// SPDX-License-Identifier: MIT
#include "record/recorder.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "base/failure.h"
#include "base/private_file.h"
#include "live/look_up.h"
#include "loop/children/process.h"
#include "loop/core/ending_signals.h"
#include "loop/core/loop.h"
#include "model/losses.h"
#include "model/settle.h"
#include "model/tracker.h"
#include "observe/source.h"
#include "observe/stream.h"
#include "observe/targets.h"
#include "record/flight_ring.h"
#include "record/look_times.h"
#include "record/recording_file.h"
#include "trace/writer.h"
#include "view/format/number.h"
#include "view/format/say.h"

namespace timeslice::record {

namespace {

using namespace std::chrono_literals;

constexpr auto kFlushEvery = 200ms;          // what a killed recorder loses at most
constexpr auto kLookEvery = 1s;              // for threads' roles
constexpr int kTries = 8;                    // for a moment at which nothing is being lost
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
        end_signals_(loop_, {SIGINT, SIGTERM, SIGHUP}, [this] { end_by_signal(); }),
        demand_(loop_, SIGUSR1, [this] { write_ring(); }),
        stream_(stream_options()),
        source_(observe::open_count_source({})),
        tracker_(look_ups_.functions(),
                 [this](const model::Process& process, const ts_thread_row&) {
                   return is_inside(process.tgid);
                 }),
        flush_timer_(loop_, [this] { flush(); }),
        look_timer_(loop_, [this] { look(); }),
        end_timer_(loop_, [this] { end(""); }),
        room_timer_(loop_, [this] { write_last(); }) {
    inside_.insert(options.tgids.begin(), options.tgids.end());
  }

  int run() {
    open();
    if (!options_.command.empty()) start_command();
    if (file_) file_->take_place();
    if (!ended_) follow();
    say_result();
    return status_;
  }

 private:
  void follow() {
    listen();
    loop_.update_time();
    flush_timer_.start(kFlushEvery, kFlushEvery);
    look_timer_.start(100ms, kLookEvery);
    if (options_.seconds > 0)
      end_timer_.start(std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::duration<double>(options_.seconds)));
    loop_.run();
  }

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

  // Who is there now, at one moment, and what was lost until then; and every record since the last
  // drain, in held_.
  struct Cut {
    uint64_t moment_ns;
    std::vector<uint64_t> lost;  // records by core, since the stream began
    std::vector<ts_thread_row> rows;
    std::vector<uint32_t> online, idle;  // cores
  };
  Cut cut() {
    held_.clear();
    const uint64_t begin_ns = stream_.now_ns();
    const Snapshot& snapshot = source_->read();
    Cut cut = moment_between_losses();
    stream_.consume([this](const ts_event& event) { held_.add(event); });
    cut.rows = model::settle(snapshot.threads, begin_ns, cut.moment_ns, cut.moment_ns, held_);
    for (const ts_core_row& core : snapshot.cores)
      if (model::is_online(core)) cut.online.push_back(core.cpu);
    std::sort(cut.online.begin(), cut.online.end());
    cut.idle = model::idle_cores(snapshot.cores, cut.rows, begin_ns, cut.moment_ns, held_);
    learn(snapshot);
    return cut;
  }

  // While records are being lost, their number at a moment is known only nearly: rather one too
  // many.
  [[nodiscard]] Cut moment_between_losses() const {
    Cut cut{};
    std::vector<uint64_t> before = lost_by_core();
    for (int tries = 0; tries < kTries; ++tries) {
      cut.moment_ns = stream_.now_ns();
      cut.lost = lost_by_core();
      if (cut.lost == before) break;
      before = cut.lost;
    }
    return cut;
  }

  [[nodiscard]] std::vector<uint64_t> lost_by_core() const {
    std::vector<uint64_t> lost;
    for (const ts_stream_core& core : stream_.figures()) lost.push_back(core.dropped[TS_DROP_FULL]);
    return lost;
  }

  // What was held, of (from, to].
  void take_held(uint64_t from_ns, uint64_t to_ns) {
    for (const ts_event* event : held_.sorted())
      if (event->time_ns > from_ns && event->time_ns <= to_ns) take(*event);
  }

  // Of what isn't recorded, for it was before.
  void pass_over(const ts_event& event) {
    if (event.kind == TS_EVENT_LOST) losses_.take(reinterpret_cast<const ts_event_lost&>(event));
  }

  void open() {
    stream_.consume([this](const ts_event& event) { pass_over(event); });  // before the pass
    boot_offset_ns_ = boot_offset_ns();
    NewFile file(path_ = options_.path, options_.earlier);
    to_device_ = file.is_device();
    if (options_.ring_seconds > 0)  // whose file may be made here: known now, not when it must be
      ring_.emplace(static_cast<uint64_t>(options_.ring_seconds * 1e9));
    else
      file_.emplace(loop_, writing_, std::move(file),
                    [this](const std::string&) { end("the disk"); });
    const Cut begin = cut();
    begin_ns_ = begin.moment_ns;
    for (const ts_event* event : held_.sorted())
      if (event->time_ns <= begin_ns_) pass_over(*event);
    losses_.cut(begin.lost);
    begin_segment(begin);
    flush();
  }

  // A file, or a flight recorder's next segment, that begins with who is there.
  void begin_writer(const Cut& cut) {
    writer_.emplace(header_at(cut));
    for (ts_thread_row row : cut.rows) {
      if (!is_inside(row.tgid)) row.flags |= TS_THREAD_OUTSIDE;
      writer_->opening(row);
    }
    roles_written_.clear();
    for (const model::Thread* thread : frame_->threads) write_role(*thread);
    runtimes_written_.clear();
    write_runtimes();
    writer_->flush();
    if (ring_) ring_->begin(cut.moment_ns, writer_->bytes(), cut.lost);
    lost_before_ = ring_ ? ring_->lost_before() : cut.lost;
    if (file_) file_->append(writer_->bytes());
    writer_->clear();
    segment_ns_ = cut.moment_ns;
  }

  [[nodiscard]] trace::Header header_at(const Cut& cut) const {
    trace::Header header;
    header.begin_ns = cut.moment_ns;
    header.boot_offset_ns = boot_offset_ns_;
    header.realtime_ns = clock_ns(CLOCK_REALTIME) - (stream_.now_ns() - cut.moment_ns);
    utsname machine{};
    uname(&machine);
    header.system = machine.sysname;
    header.release = machine.release;
    header.machine = machine.machine;
    header.cores = static_cast<uint32_t>(stream_.figures().size());
    if (!filtered()) {  // else it isn't known what they do
      header.online = cut.online;
      header.idle = cut.idle;
    }
    header.filtered = filtered();
    header.tgids = options_.tgids;
    header.asked = joined(options_.command);
    header.recorder_tgid = static_cast<uint32_t>(getpid());
    return header;
  }

  void start_command() {
    loop::ProcessOptions process;
    process.file = options_.command.front();
    process.arguments = options_.command;
    process.stdio = {loop::Stdio::inherit(), loop::Stdio::inherit(), loop::Stdio::inherit()};
    command_.emplace(loop_, process, [this](const loop::ExitStatus& status) {
      take_status(status);
      end("the command");
    });
    const int error = command_->start();
    stream_.forget(static_cast<uint32_t>(getpid()));
    if (error < 0) throw failure_from_errno("cannot start " + process.file, -error);
  }

  // As a shell tells it.
  void take_status(const loop::ExitStatus& status) {
    if (status.error < 0) view::say("how the command ended isn't known: somebody else was told");
    status_ = status.error < 0 ? 1 : status.signal > 0 ? 128 + status.signal : status.code;
  }

  void listen() {
    loop_.poll(rings_, stream_.fd(), POLLIN, [this](loop::Request&) {
      if (ended_) return;
      drain();
      listen();
    });
  }

  void take(const ts_event& event) {
    if (event.kind == TS_EVENT_FORK || event.kind == TS_EVENT_EXEC)
      note_news(reinterpret_cast<const ts_event_identity&>(event));
    if (options_.trigger_wait_ms > 0 && event.kind == TS_EVENT_SWITCH) look_for_trigger(event);
    if (event.kind == TS_EVENT_LOST)
      tell_gap(event, losses_.take(reinterpret_cast<const ts_event_lost&>(event)));
    else
      writer_->event(event);
    ++events_;
  }

  void tell_gap(const ts_event& event, uint64_t records) {
    const ts_event_lost gap{event, records};
    writer_->event(gap.event);
  }

  // Those cores will tell when a record finds room again, if one does: until the cut all is known.
  void tell_open_gaps(const Cut& cut) {
    const std::vector<uint64_t> untold = losses_.cut(cut.lost);
    for (size_t cpu = 0; cpu < untold.size(); ++cpu)
      if (untold[cpu] > 0)
        tell_gap({cut.moment_ns, 0, static_cast<uint16_t>(cpu), TS_EVENT_LOST, 0}, untold[cpu]);
  }

  void note_news(const ts_event_identity& identity) {
    const bool fork = identity.event.kind == TS_EVENT_FORK;
    if (fork && !(identity.flags & TS_THREAD_OUTSIDE)) inside_.insert(identity.tgid);
    look_times_.note(identity);
  }

  // Of whichever of our threads; asked for waits that are too long only.
  static bool is_own(uint32_t tid) {
    return ::access(("/proc/self/task/" + std::to_string(tid)).c_str(), F_OK) == 0;
  }

  // A wait that was too long; with a filter, of those recorded, for no others' are known.
  void look_for_trigger(const ts_event& event) {
    const auto& record = reinterpret_cast<const ts_event_switch&>(event);
    if (event.tid == 0 || record.wait_ns == TS_WAIT_UNKNOWN) return;
    if (static_cast<double>(record.wait_ns) < options_.trigger_wait_ms * 1e6) return;
    if (triggered_ || is_own(event.tid)) return;
    triggered_ = true;
    trigger_ = fmt::format("thread {} waited {}", event.tid,
                           view::duration(static_cast<double>(record.wait_ns)));
  }

  // To where the recording goes: a file, or the flight recorder's memory.
  void put() {
    if (file_) file_->append(writer_->bytes());
    if (ring_) ring_->append(writer_->bytes());
    writer_->clear();
  }

  void drain() {
    if (file_ && file_->waiting() > kMostWaiting) return;  // a slow disk: the rings count the loss
    stream_.consume([this](const ts_event& event) { take(event); });
    put();
    if (file_ && options_.max_bytes && file_->bytes() >= options_.max_bytes) end("its size");
    if (triggered_ && !ended_) end(trigger_.c_str());
  }

  void flush() {
    if (ended_) return;
    drain();
    if (ended_) return;
    if (look_times_.due(stream_.now_ns())) look();
    writer_->flush();
    put();
    say_progress();
    if (ring_ && stream_.now_ns() - segment_ns_ >= segment_length_ns())
      begin_segment(end_segment());
    if (!options_.tgids.empty() && options_.command.empty() && watched_are_gone())
      end("the processes");
  }

  [[nodiscard]] uint64_t segment_length_ns() const {
    return static_cast<uint64_t>(std::max(options_.ring_seconds / 4, 0.25) * 1e9);
  }

  // All up to now goes to the writer. What was held of later is for whoever comes next.
  Cut end_segment() {
    Cut now = cut();
    take_held(0, now.moment_ns);
    tell_open_gaps(now);
    writer_->flush();
    put();
    return now;
  }

  void begin_segment(const Cut& now) {
    begin_writer(now);
    take_held(now.moment_ns, UINT64_MAX);
  }

  // FILE, FILE.2, FILE.3 …: what was written on demand isn't written over, nor what an earlier
  // recorder wrote. Returns the name. Throws Failure.
  std::string write_next(const std::string& bytes) {
    const auto path = [this] {
      return written_files_ == 0 ? options_.path
                                 : options_.path + "." + std::to_string(written_files_ + 1);
    };
    const auto keeps = [this] {
      return written_files_ > 0 || (options_.earlier == Earlier::refuse && !to_device_);
    };
    while (keeps() && is_taken(path())) ++written_files_;
    std::string name = path();
    write_private(name, bytes, written_files_ == 0 ? options_.earlier : Earlier::refuse);
    ++written_files_;
    return name;
  }

  // A flight recorder's last seconds, on demand: it goes on.
  void write_ring() {
    if (!ring_ || ended_) return;
    const Cut now = end_segment();
    const std::string bytes =
        ring_->bytes() + trace::closing_packets(closing_rows(now), closing_at(now, "SIGUSR1"));
    try {
      const std::string path = write_next(bytes);
      if (!options_.quiet)
        view::say(fmt::format("{}: the last {:.2f} s in {:.2f} MB", path,
                              static_cast<double>(now.moment_ns - ring_->begin_ns()) / 1e9,
                              static_cast<double>(bytes.size()) / 1e6));
    } catch (const Failure& failure) {
      view::say(std::string(failure.what()) + "; it is still in memory, and recording goes on");
    }
    begin_segment(now);
  }

  [[nodiscard]] bool watched_are_gone() const {
    for (const uint32_t tgid : options_.tgids)
      if (observe::process_exists(tgid)) return false;
    return true;
  }

  // What another thread reads of programs isn't counted: each is read once, however often we look.
  void look() {
    if (ended_) return;
    look_times_.begin();
    const uint64_t before_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    learn(source_->read());
    write_roles();
    look_times_.end(stream_.now_ns(), clock_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns);
  }

  void learn(const Snapshot& snapshot) {
    frame_ = &tracker_.advance(snapshot);
    ++looks_;
  }

  void write_roles() {
    for (const model::Thread* thread : frame_->threads)
      if (thread->changed_at == looks_) write_role(*thread);
    write_runtimes();
  }

  void write_runtimes() {
    for (const model::Process* process : frame_->processes)
      for (const model::Thread* thread : process->threads)
        if (thread->row.tid == process->tgid && !thread->ended)
          write_runtime(*process, thread->row.start_ns);
  }

  void write_runtime(const model::Process& process, uint64_t start_ns) {
    const uint64_t key = start_ns ^ (uint64_t{process.tgid} << 40);
    const auto written = runtimes_written_.find(key);
    const std::string before = written == runtimes_written_.end() ? "" : written->second;
    if (process.runtime == before) return;
    runtimes_written_[key] = process.runtime;
    writer_->runtime({process.tgid, start_ns, process.runtime});
  }

  void write_role(const model::Thread& thread) {
    if (thread.role.confidence <= 0) return;
    const uint64_t key = thread.row.start_ns ^ (static_cast<uint64_t>(thread.row.tid) << 40);
    double& written = roles_written_[key];
    if (written >= thread.role.confidence) return;
    written = thread.role.confidence;
    writer_->role({thread.row.tid, thread.row.start_ns, thread.role.name, thread.role.evidence,
                   thread.role.confidence});
  }

  void end(const char* ended_by) {
    if (ended_) return;
    ended_ = true;
    flush_timer_.stop();
    look_timer_.stop();
    end_timer_.stop();
    if (!file_ || file_->failure().empty()) close(ended_by);
    stream_.detach();
    if (ring_) return write_last();
    if (file_->idle()) return loop_.stop();
    wait_for_file_.emplace(loop_, [this] {
      if (file_->idle()) loop_.stop();
    });
    wait_for_file_->start(0ms, 1ms);
  }

  void close(const std::string& ended_by) {
    const Cut last = end_segment();
    write_roles();
    writer_->flush();
    put();
    last_ns_ = last.moment_ns;
    ended_by_ = ended_by;
    const std::string end = trace::closing_packets(closing_rows(last), closing_at(last, ended_by));
    if (file_) return file_->append(end);
    begin_ns_ = ring_->begin_ns();
    last_seconds_ = ring_->bytes() + end;
  }

  // A flight recorder's end is all that it is for: where there is no room, it waits for some.
  void write_last() {
    try {
      path_ = write_next(last_seconds_);
      failure_.clear();
      loop_.stop();
    } catch (const NoRoom& failure) {
      if (failure_.empty())
        view::say(
            std::string(failure.what()) +
            "; the last seconds are kept in memory until there is room; Ctrl-C gives them up");
      failure_ = failure.what();
      room_timer_.start(1s);
    } catch (const Failure& failure) {
      give_up(failure.what());
    }
  }
  void give_up(const std::string& why) {
    failure_ = why + "; the last seconds are lost";
    room_timer_.stop();
    loop_.stop();
  }

  void end_by_signal() {
    if (ended_ && !failure_.empty()) return give_up(failure_);
    end("");
  }

  [[nodiscard]] std::vector<ts_thread_row> closing_rows(const Cut& cut) const {
    std::vector<ts_thread_row> rows;
    for (const ts_thread_row& row : cut.rows)
      if (is_inside(row.tgid)) rows.push_back(row);
    return rows;
  }

  trace::Closing closing_at(const Cut& cut, const std::string& ended_by) {
    trace::Closing closing;
    closing.end_ns = cut.moment_ns;
    lost_ = 0;
    for (size_t cpu = 0; cpu < cut.lost.size(); ++cpu) {
      closing.lost.push_back(cut.lost[cpu] - lost_before_[cpu]);
      lost_ += closing.lost.back();
    }
    closing.filter_failures = stream_.filter_failures();
    const uint64_t offset_ns = boot_offset_ns();
    if (offset_ns > boot_offset_ns_ + 1'000'000) closing.suspended_ns = offset_ns - boot_offset_ns_;
    closing.recorder_cpu_ns = own_cpu_ns();
    closing.ended_by = ended_by;
    return closing;
  }

  [[nodiscard]] uint64_t bytes_so_far() const { return file_ ? file_->bytes() : ring_->size(); }

  void say_progress() {
    if (options_.quiet || !isatty(STDERR_FILENO)) return;
    const uint64_t now_ns = stream_.now_ns();
    if (now_ns - said_ns_ < 500'000'000) return;
    said_ns_ = now_ns;
    uint64_t lost = 0;
    for (const uint64_t records : lost_by_core()) lost += records;
    for (const uint64_t records : lost_before_) lost -= records;
    const double seconds = static_cast<double>(now_ns - begin_ns_) / 1e9;
    fmt::print(stderr, "\r{:.1f} s  {} events  {:.0f}/s  {:.1f} MB  {} lost\033[K", seconds,
               view::grouped(events_), static_cast<double>(events_) / seconds,
               static_cast<double>(bytes_so_far()) / 1e6, view::grouped(lost));
    said_ = true;
  }

  void say_result() {
    if (said_) fmt::print(stderr, "\r\033[K");
    const std::string& failure = file_ ? file_->failure() : failure_;
    if (!failure.empty()) throw Failure(failure);
    if (options_.quiet) return;
    std::string end;
    if (triggered_)
      end = "; " + ended_by_;
    else if (ended_by_ == "its size")
      end = "; it ends here for its size was limited";
    else if (!ended_by_.empty())
      end = "; " + ended_by_ + " ended it";
    const std::string events = ring_ ? "" : view::grouped(events_) + " events in ";
    view::say(fmt::format("{}: {:.2f} s, {}{:.2f} MB, {}{}", path_,
                          static_cast<double>(last_ns_ - begin_ns_) / 1e9, events,
                          static_cast<double>(file_ ? file_->bytes() : last_seconds_.size()) / 1e6,
                          lost_ ? view::grouped(lost_) + " lost" : "nothing lost", end));
  }

  const RecordOptions& options_;
  loop::Request rings_, writing_;  // outlive the loop that they are in flight on
  loop::Loop loop_;
  // Before the stream, which takes a while to load: a signal waits until then.
  loop::EndingSignals end_signals_;
  loop::Signal demand_;
  std::optional<RecordingFile> file_;  // a flight recorder has none
  std::optional<FlightRing> ring_;
  observe::Stream stream_;
  std::unique_ptr<observe::Source> source_;
  live::LookUps look_ups_;
  std::unordered_set<uint32_t> inside_;  // tgids that are recorded, where there is a filter
  model::Tracker tracker_;
  const model::Frame* frame_ = nullptr;
  uint64_t looks_ = 0;
  LookTimes look_times_;
  std::unordered_map<uint64_t, double> roles_written_;
  std::unordered_map<uint64_t, std::string> runtimes_written_;
  model::Meanwhile held_;
  model::Losses losses_{stream_.figures().size()};
  std::vector<uint64_t> lost_before_;  // by core, when what is kept began
  std::optional<trace::Writer> writer_;
  std::optional<loop::Process> command_;
  loop::Timer flush_timer_, look_timer_, end_timer_, room_timer_;
  std::optional<loop::Timer> wait_for_file_;
  uint64_t begin_ns_ = 0, last_ns_ = 0, segment_ns_ = 0, boot_offset_ns_ = 0, said_ns_ = 0,
           lost_ = 0, events_ = 0;
  unsigned written_files_ = 0;
  std::string path_;          // of the file that the end is written to
  bool to_device_ = false;    // which is there, and may be written to all the same
  std::string last_seconds_;  // a flight recorder's whole file, when it has ended
  std::string failure_;       // to write those
  bool triggered_ = false;
  std::string trigger_;
  std::string ended_by_;
  int status_ = 0;  // the command's
  bool ended_ = false, said_ = false;
};

}  // namespace

int record(const RecordOptions& options) { return Recorder(options).run(); }

}  // namespace timeslice::record
