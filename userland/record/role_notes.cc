// SPDX-License-Identifier: MIT
#include "record/role_notes.h"

#include <algorithm>

#include "base/clock.h"

namespace timeslice::record {

RoleNotes::RoleNotes(std::function<bool(uint32_t tgid)> is_recorded)
    : tracker_(look_ups_.functions(), [is_recorded = std::move(is_recorded)](
                                          const model::Process& process, const ts_thread_row&) {
        return is_recorded(process.tgid);
      }) {}

void RoleNotes::learn(const Snapshot& snapshot) {
  frame_ = &tracker_.advance(snapshot);
  ++looks_;
}

// What another thread reads of programs isn't counted: each is read once, however often we look.
void RoleNotes::look(observe::Source& source, trace::Writer& writer, uint64_t now_ns) {
  times_.begin();
  const uint64_t before_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  learn(source.read());
  write_changed(writer);
  times_.end(now_ns, clock_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns);
}

void RoleNotes::look_if_due(observe::Source& source, trace::Writer& writer, uint64_t now_ns) {
  if (times_.due(now_ns)) look(source, writer, now_ns);
}

void RoleNotes::write_all(trace::Writer& writer) {
  confidence_written_.clear();
  runtime_written_.clear();
  for (const model::Thread* thread : frame_->threads) write_role(writer, *thread);
  write_runtimes(writer);
}

void RoleNotes::write_changed(trace::Writer& writer) {
  for (const model::Thread* thread : frame_->threads)
    if (thread->changed_at == looks_) write_role(writer, *thread);
  write_runtimes(writer);
}

std::vector<uint32_t> RoleNotes::processes_running(std::string_view runtime) const {
  std::vector<uint32_t> tgids;
  for (const model::Process* process : frame_->processes)
    if (process->runtime == runtime) tgids.push_back(process->tgid);
  return tgids;
}

void RoleNotes::write_runtimes(trace::Writer& writer) {
  for (const model::Process* process : frame_->processes) {
    const auto first = std::find_if(process->threads.begin(), process->threads.end(),
                                    [process](const model::Thread* thread) {
                                      return thread->row.tid == process->tgid && !thread->ended;
                                    });
    if (first != process->threads.end()) write_runtime(writer, *process, (*first)->row.start_ns);
  }
}

void RoleNotes::write_runtime(trace::Writer& writer, const model::Process& process,
                              uint64_t start_ns) {
  const ThreadKey key{process.tgid, start_ns};
  const auto written = runtime_written_.find(key);
  const bool is_new = written == runtime_written_.end();
  if (is_new ? process.runtime.empty() : process.runtime == written->second) return;
  runtime_written_[key] = process.runtime;
  writer.runtime({process.tgid, start_ns, process.runtime});
}

void RoleNotes::write_role(trace::Writer& writer, const model::Thread& thread) {
  const model::Role& role = thread.role;
  if (role.confidence <= 0) return;
  double& written = confidence_written_[{thread.row.tid, thread.row.start_ns}];
  if (written >= role.confidence) return;
  written = role.confidence;
  writer.role({thread.row.tid, thread.row.start_ns, role.name, role.evidence, role.confidence});
}

}  // namespace timeslice::record
