// SPDX-License-Identifier: MIT
#include "record/recorder.h"

#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <optional>
#include <unordered_set>

#include "base/failure.h"
#include "base/seconds.h"
#include "loop/children/process.h"
#include "loop/core/ending_signals.h"
#include "loop/core/loop.h"
#include "model/losses.h"
#include "observe/source.h"
#include "observe/targets.h"
#include "record/cut.h"
#include "record/envelope.h"
#include "record/flight_ring.h"
#include "record/loop_notes.h"
#include "record/numbered_files.h"
#include "record/progress.h"
#include "record/recording_file.h"
#include "record/role_notes.h"
#include "record/trigger.h"
#include "record/uring_notes.h"
#include "trace/writer.h"
#include "view/format/number.h"
#include "view/format/say.h"

namespace timeslice::record {

namespace {

using namespace std::chrono_literals;

constexpr auto kFlushEvery = 200ms;          // what a killed recorder loses at most
constexpr auto kLookEvery = 1s;              // for threads' roles
constexpr auto kForLoops = 10ms;             // that a flush waits for who looks at them …
constexpr auto kForLastLoops = 500ms;        // … and a segment's end
constexpr uint64_t kMostWaiting = 64 << 20;  // bytes for a slow disk; then the rings fill

double in_seconds(uint64_t ns) { return static_cast<double>(ns) / 1e9; }
double in_megabytes(uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

// A command is followed from its first breath: until it has been forked, we are in the filter
// ourselves, and what the filter holds is followed over forks.
observe::StreamOptions stream_options(const RecordOptions& options) {
  observe::StreamOptions stream;
  stream.tgids = options.tgids;
  if (!options.command.empty()) stream.tgids.push_back(static_cast<uint32_t>(getpid()));
  stream.leave_out_self = !options.with_self;
  stream.ring_bytes = options.ring_kib << 10;
  return stream;
}

class Recorder {
 public:
  explicit Recorder(const RecordOptions& options)
      : options_(options),
        end_signals_(loop_, {SIGINT, SIGTERM, SIGHUP}, [this] { end_by_signal(); }),
        demand_(loop_, SIGUSR1, [this] { write_ring(); }),
        stream_(stream_options(options)),
        source_(observe::open_count_source({})),
        inside_(options.tgids.begin(), options.tgids.end()),
        roles_([this](uint32_t tgid) { return is_inside(tgid); }),
        trigger_(options.trigger_wait_ms),
        progress_(options.quiet),
        flush_timer_(loop_, [this] { flush(); }),
        look_timer_(loop_, [this] { look(); }),
        end_timer_(loop_, [this] { end(""); }),
        room_timer_(loop_, [this] { write_last(); }) {
    if (options.loop_block_ns > 0) loops_.emplace(options.loop_block_ns, options.quiet);
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
  // The beginning.

  void open() {
    stream_.consume([this](const ts_event& event) { pass_over(event); });  // before the pass
    envelope_.emplace(options_);
    NewFile file(path_ = options_.path, options_.earlier);
    if (options_.ring_seconds > 0) {  // whose file may be made here: known now, not when it must be
      files_.emplace(options_.path, options_.earlier, file.is_device());
      ring_.emplace(static_cast<uint64_t>(options_.ring_seconds * 1e9));
    } else {
      file_.emplace(loop_, writing_, std::move(file),
                    [this](const std::string&) { end("the disk"); });
    }
    if (options_.rings)
      uring_.emplace(
          options_.filtered() ? stream_.filter() : -1,
          [this](uint32_t tgid) { return is_inside(tgid); }, options_.quiet);
    const Cut begin = cut();
    begin_ns_ = begin.moment_ns;
    for (const ts_event* event : held_.sorted())
      if (event->time_ns <= begin_ns_) pass_over(*event);
    losses_.cut(begin.lost);
    if (uring_) uring_->begin(begin_ns_);
    begin_segment(begin);
    watch_loops();
    flush();
  }

  void look() {
    roles_.look(*source_, *writer_, stream_.now_ns());
    watch_loops();
  }

  // Of those that were named, whatever they run; of others, once they run Node or our loop.
  void watch_loops() {
    if (!loops_) return;
    std::vector<uint32_t> tgids = roles_.processes_running("node");
    for (const uint32_t tgid : roles_.processes_running("timeslice"))
      if (tgid != static_cast<uint32_t>(getpid())) tgids.push_back(tgid);
    tgids.insert(tgids.end(), options_.tgids.begin(), options_.tgids.end());
    if (!tgids.empty()) loops_->watch(std::move(tgids), stream_.now_ns());
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
    if (status.error < 0)
      view::say("the command's exit status is unknown: another process has collected it");
    status_ = status.error < 0 ? 1 : status.signal > 0 ? 128 + status.signal : status.code;
  }

  void follow() {
    listen();
    flush_timer_.start(kFlushEvery, kFlushEvery);
    look_timer_.start(100ms, kLookEvery);
    if (options_.seconds > 0) end_timer_.start(from_seconds(options_.seconds));
    loop_.run();
  }

  // Records, as they come.

  void listen() {
    loop_.poll(rings_, stream_.fd(), POLLIN, [this](loop::Request&) {
      if (ended_) return;
      drain();
      listen();
    });
  }

  void drain() {
    if (file_ && file_->waiting() > kMostWaiting) return;  // a slow disk: the rings count the loss
    stream_.consume([this](const ts_event& event) { take(event); });
    put();
    if (file_ && options_.max_bytes && file_->bytes() >= options_.max_bytes) end("its size");
    if (!trigger_.cause().empty() && !ended_) end(trigger_.cause());
  }

  void take(const ts_event& event) {
    if (event.kind == TS_EVENT_FORK || event.kind == TS_EVENT_EXEC)
      note_news(reinterpret_cast<const ts_event_identity&>(event));
    trigger_.look_at(event);
    if (event.kind == TS_EVENT_LOST)
      tell_gap(event, losses_.take(reinterpret_cast<const ts_event_lost&>(event)));
    else
      writer_->event(event);
    ++events_;
  }

  void note_news(const ts_event_identity& identity) {
    const bool fork = identity.event.kind == TS_EVENT_FORK;
    if (fork && !(identity.flags & TS_THREAD_OUTSIDE)) inside_.insert(identity.tgid);
    roles_.note(identity);
  }

  [[nodiscard]] bool is_inside(uint32_t tgid) const {
    return !options_.filtered() || inside_.count(tgid) != 0;
  }

  void tell_gap(const ts_event& event, uint64_t records) {
    const ts_event_lost gap{event, records};
    writer_->event(gap.event);
  }

  // Of what isn't recorded, for it was before.
  void pass_over(const ts_event& event) {
    if (event.kind == TS_EVENT_LOST) losses_.take(reinterpret_cast<const ts_event_lost&>(event));
  }

  // To where the recording goes: a file, or the flight recorder's memory.
  void put() {
    if (file_) file_->append(writer_->bytes());
    if (ring_) ring_->append(writer_->bytes());
    writer_->clear();
  }

  void flush() {
    if (ended_) return;
    drain();
    if (ended_) return;
    roles_.look_if_due(*source_, *writer_, stream_.now_ns());
    if (loops_) {
      watch_loops();
      loops_->write_new(*writer_, kForLoops);
    }
    if (uring_) uring_->write_new(*writer_, stream_.now_ns());
    writer_->flush();
    put();
    show_progress();
    if (ring_ && stream_.now_ns() - segment_ns_ >= segment_length_ns())
      begin_segment(end_segment());
    if (!options_.tgids.empty() && options_.command.empty() && watched_are_gone())
      end("the processes");
  }

  [[nodiscard]] bool watched_are_gone() const {
    return std::none_of(options_.tgids.begin(), options_.tgids.end(), observe::process_exists);
  }

  void show_progress() {
    const uint64_t now_ns = stream_.now_ns();
    if (!progress_.due(now_ns)) return;
    uint64_t lost = 0;
    for (const uint64_t records : lost_by_core(stream_)) lost += records;
    for (const uint64_t records : lost_before_) lost -= records;
    progress_.show({now_ns, begin_ns_, events_, file_ ? file_->bytes() : ring_->size(), lost});
  }

  // Segments: the whole file, or a flight recorder's parts.

  [[nodiscard]] uint64_t segment_length_ns() const {
    return static_cast<uint64_t>(std::max(options_.ring_seconds / 4, 0.25) * 1e9);
  }

  Cut cut() {
    held_.clear();
    const uint64_t begin_ns = stream_.now_ns();
    const Snapshot& snapshot = source_->read();
    Cut cut = make_cut(stream_, snapshot, begin_ns, held_);
    roles_.learn(snapshot);
    return cut;
  }

  // Everything up to now goes to the writer. Later events are held for the next segment.
  Cut end_segment() {
    Cut now = cut();
    take_held(0, now.moment_ns);
    tell_open_gaps(now);
    roles_.write_changed(*writer_);
    if (loops_) loops_->write_new(*writer_, kForLastLoops);
    if (uring_) uring_->write_new(*writer_, now.moment_ns);
    writer_->flush();
    put();
    return now;
  }

  // With who is there. What goes into a flight recorder could begin a file, each time.
  void begin_segment(const Cut& now) {
    writer_.emplace(envelope_->header(now, stream_));
    for (ts_thread_row row : now.rows) {
      if (!is_inside(row.tgid)) row.flags |= TS_THREAD_OUTSIDE;
      writer_->opening(row);
    }
    roles_.write_all(*writer_);
    if (loops_) loops_->begin_file();
    if (uring_) uring_->begin_file();
    writer_->flush();
    if (ring_) ring_->begin(now.moment_ns, writer_->bytes(), now.lost);
    lost_before_ = ring_ ? ring_->lost_before() : now.lost;
    if (file_) file_->append(writer_->bytes());
    writer_->clear();
    segment_ns_ = now.moment_ns;
    take_held(now.moment_ns, UINT64_MAX);
  }

  // What was held, of (from, to].
  void take_held(uint64_t from_ns, uint64_t to_ns) {
    for (const ts_event* event : held_.sorted())
      if (event->time_ns > from_ns && event->time_ns <= to_ns) take(*event);
  }

  // Those cores will tell when a record finds room again, if one does: until the cut all is known.
  void tell_open_gaps(const Cut& cut) {
    const std::vector<uint64_t> untold = losses_.cut(cut.lost);
    for (size_t cpu = 0; cpu < untold.size(); ++cpu)
      if (untold[cpu] > 0)
        tell_gap({cut.moment_ns, 0, static_cast<uint16_t>(cpu), TS_EVENT_LOST, 0}, untold[cpu]);
  }

  // A flight recorder's last seconds, on demand: it goes on.
  void write_ring() {
    if (!ring_ || ended_) return;
    const Cut now = end_segment();
    const std::string bytes = ring_->bytes() + end_of_file(now, "SIGUSR1");
    try {
      const std::string path = files_->write(bytes);
      if (!options_.quiet)
        view::say(fmt::format("{}: the last {:.2f} s in {:.2f} MB", path,
                              in_seconds(now.moment_ns - ring_->begin_ns()),
                              in_megabytes(bytes.size())));
    } catch (const Failure& failure) {
      view::say(std::string(failure.what()) +
                "; the data is still in memory, and recording continues");
    }
    begin_segment(now);
  }

  std::string end_of_file(const Cut& now, const std::string& ended_by) {
    const trace::Closing closing = envelope_->closing(now, lost_before_, stream_, ended_by);
    lost_ = 0;
    for (const uint64_t records : closing.lost) lost_ += records;
    std::vector<ts_thread_row> rows;
    for (const ts_thread_row& row : now.rows)
      if (is_inside(row.tgid)) rows.push_back(row);
    return open_blocks() + trace::closing_packets(rows, closing);
  }

  // After end_segment(), so the writer holds nothing else.
  std::string open_blocks() {
    if (!loops_) return "";
    loops_->write_open(*writer_);
    writer_->flush();
    std::string bytes = writer_->bytes();
    writer_->clear();
    return bytes;
  }

  // The end.

  void end_by_signal() {
    if (ended_ && !failure_.empty()) return give_up(failure_);
    end("");
  }

  void end(const std::string& ended_by) {
    if (ended_) return;
    ended_ = true;
    flush_timer_.stop();
    look_timer_.stop();
    end_timer_.stop();
    if (!file_ || file_->failure().empty()) close(ended_by);
    stream_.detach();
    if (uring_) uring_->detach();
    if (ring_) return write_last();
    file_->when_idle([this] { loop_.stop(); });
  }

  void close(const std::string& ended_by) {
    const Cut last = end_segment();
    last_ns_ = last.moment_ns;
    ended_by_ = ended_by;
    const std::string end = end_of_file(last, ended_by);
    if (file_) return file_->append(end);
    begin_ns_ = ring_->begin_ns();
    last_seconds_ = ring_->bytes() + end;
  }

  // Writing at the end is a flight recorder's purpose: if there is no space, it waits for some.
  void write_last() {
    try {
      path_ = files_->write(last_seconds_);
      failure_.clear();
      loop_.stop();
    } catch (const NoRoom& failure) {
      if (failure_.empty())
        view::say(std::string(failure.what()) +
                  "; the last seconds stay in memory until there is space; Ctrl-C discards them");
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

  void say_result() {
    progress_.clear();
    const std::string& failure = file_ ? file_->failure() : failure_;
    if (!failure.empty()) throw Failure(failure);
    if (options_.quiet) return;
    if (loops_ && !loops_->what_is_missing().empty()) view::say(loops_->what_is_missing());
    if (uring_ && !uring_->what_is_missing().empty()) view::say(uring_->what_is_missing());
    std::string end;
    if (!ended_by_.empty() && ended_by_ == trigger_.cause())
      end = "; " + ended_by_;
    else if (ended_by_ == "its size")
      end = "; stopped: size limit reached";
    else if (!ended_by_.empty())
      end = "; stopped: " + ended_by_ + " ended";
    view::say(fmt::format("{}: {:.2f} s, {}{:.2f} MB, {}{}", path_,
                          in_seconds(last_ns_ - begin_ns_),
                          ring_ ? "" : view::counted(events_, "event", "events") + " in ",
                          in_megabytes(file_ ? file_->bytes() : last_seconds_.size()),
                          lost_ ? view::grouped(lost_) + " lost" : "nothing lost", end));
  }

  const RecordOptions& options_;
  loop::Request rings_, writing_;  // outlive the loop that they are in flight on
  loop::Loop loop_;
  // Before the stream, which takes a while to load: a signal waits until then.
  loop::EndingSignals end_signals_;
  loop::Signal demand_;
  std::optional<RecordingFile> file_;  // a flight recorder has none, but these two
  std::optional<FlightRing> ring_;
  std::optional<NumberedFiles> files_;
  observe::Stream stream_;
  std::unique_ptr<observe::Source> source_;
  std::unordered_set<uint32_t> inside_;  // tgids that are recorded, where there is a filter
  RoleNotes roles_;
  std::optional<LoopNotes> loops_;
  std::optional<UringNotes> uring_;
  Trigger trigger_;
  Progress progress_;
  std::optional<Envelope> envelope_;
  std::optional<trace::Writer> writer_;
  model::Meanwhile held_;  // what came during a cut
  model::Losses losses_{stream_.figures().size()};
  std::vector<uint64_t> lost_before_;  // by core, when what is kept began
  std::optional<loop::Process> command_;
  loop::Timer flush_timer_, look_timer_, end_timer_, room_timer_;
  uint64_t begin_ns_ = 0, segment_ns_ = 0, last_ns_ = 0, events_ = 0, lost_ = 0;
  std::string path_;          // of the file that the end is written to
  std::string last_seconds_;  // a flight recorder's whole file, when it has ended
  std::string failure_;       // to write those
  std::string ended_by_;
  int status_ = 0;  // the command's
  bool ended_ = false;
};

}  // namespace

int record(const RecordOptions& options) { return Recorder(options).run(); }

}  // namespace timeslice::record
