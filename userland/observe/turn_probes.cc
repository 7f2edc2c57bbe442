// SPDX-License-Identifier: MIT
#include "observe/turn_probes.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/failure.h"
#include "observe/pass_skeleton.h"
#include "turns.skel.h"

namespace timeslice::observe {

namespace {

constexpr const char* kWhat = "the BPF programs that time an event loop's turns";

struct LinkCloser {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkCloser>;

SkeletonPtr<turns_bpf> load(bool phases) {
  listen_to_libbpf();
  SkeletonPtr<turns_bpf> skeleton(turns_bpf::open());
  if (!skeleton) throw libbpf_failure(kWhat, errno);
  bpf_program__set_autoload(skeleton->progs.on_phase, phases);
  if (const int error = turns_bpf::load(skeleton.get())) throw libbpf_failure(kWhat, -error);
  LIBBPF_OPTS(bpf_test_run_opts, options);
  const int error = bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.meet_reader), &options);
  if (error) throw failure_from_errno("cannot time an event loop's turns", -error);
  return skeleton;
}

// What a kernel without the call, or without tracefs, answers to the attempt.
Failure attach_failure(const std::string& tracepoint, int error) {
  const std::string what = "cannot attach to the tracepoint syscalls/" + tracepoint;
  std::string said = failure_from_errno(what, error).what();
  if (error == ENOENT)
    said += "; mount tracefs at /sys/kernel/tracing, on a kernel with CONFIG_FTRACE_SYSCALLS";
  else if (error == EACCES || error == EPERM)
    said += "; run as root, or with CAP_DAC_READ_SEARCH as well, for tracefs is root's";
  return Failure(said);
}

}  // namespace

class TurnProbes::Programs {
 public:
  explicit Programs(bool phases) : skeleton_(load(phases)) {}

  // Returns come first, so that of each wait that is seen to begin the end is seen as well. Probes
  // of calls that nobody makes cost nothing beside the others.
  void attach(To calls) {
    const auto& programs = skeleton_->progs;
    listen_to_libbpf();
    attach(programs.on_return, "sys_exit_epoll_pwait");
    attach(programs.on_wait, "sys_enter_epoll_pwait");
    if (calls == To::epoll_pwait) return;
    attach_where_there_is(programs.on_return, "sys_exit_epoll_wait");
    attach_where_there_is(programs.on_wait, "sys_enter_epoll_wait");
    attach_where_there_is(programs.on_return, "sys_exit_epoll_pwait2");
    attach_where_there_is(programs.on_wait_by_clock, "sys_enter_epoll_pwait2");
  }
  void attach_phases(uint32_t tgid, const std::string& path, std::span<const PhasePlace> places) {
    listen_to_libbpf();
    std::vector<Link> links;
    for (const PhasePlace& place : places) {
      LIBBPF_OPTS(bpf_uprobe_opts, options, .bpf_cookie = place.phase);
      Link link(bpf_program__attach_uprobe_opts(skeleton_->progs.on_phase, static_cast<pid_t>(tgid),
                                                path.c_str(), place.offset, &options));
      if (!link)
        throw failure_from_errno("cannot attach to the phases of process " + std::to_string(tgid),
                                 errno);
      links.push_back(std::move(link));
    }
    phases_[tgid] = std::move(links);
  }
  void detach_phases(uint32_t tgid) { phases_.erase(tgid); }
  void detach() {
    links_.clear();
    phases_.clear();
  }
  [[nodiscard]] size_t attached() const {
    size_t count = links_.size();
    for (const auto& [tgid, links] : phases_) count += links.size();
    return count;
  }
  [[nodiscard]] int loops() const { return bpf_map__fd(skeleton_->maps.loops); }
  uint64_t end_interval() {
    return __atomic_fetch_add(&skeleton_->bss->interval, 1, __ATOMIC_ACQ_REL);
  }

 private:
  // 0, or the error.
  int try_to_attach(const bpf_program* program, const char* tracepoint) {
    Link link(bpf_program__attach_tracepoint(program, "syscalls", tracepoint));
    if (!link) return errno;
    links_.push_back(std::move(link));
    return 0;
  }
  void attach(const bpf_program* program, const char* tracepoint) {
    if (const int error = try_to_attach(program, tracepoint))
      throw attach_failure(tracepoint, error);
  }
  // Not every architecture and kernel has all of these calls.
  void attach_where_there_is(const bpf_program* program, const char* tracepoint) {
    const int error = try_to_attach(program, tracepoint);
    if (error != 0 && error != ENOENT) throw attach_failure(tracepoint, error);
  }

  SkeletonPtr<turns_bpf> skeleton_;
  std::vector<Link> links_;
  std::map<uint32_t, std::vector<Link>> phases_;
};

TurnProbes::TurnProbes(bool phases) : programs_(std::make_unique<Programs>(phases)) {}

TurnProbes::~TurnProbes() = default;

void TurnProbes::attach(To calls) { programs_->attach(calls); }

void TurnProbes::detach() { programs_->detach(); }

void TurnProbes::attach_phases(uint32_t tgid, const std::string& path,
                               std::span<const PhasePlace> places) {
  programs_->attach_phases(tgid, path, places);
}

void TurnProbes::detach_phases(uint32_t tgid) { programs_->detach_phases(tgid); }

size_t TurnProbes::attached() const { return programs_->attached(); }

bool TurnProbes::watch(const TurnLoop& loop) {
  ts_loop_turns turns{};
  turns.count_at = loop.count_at;
  turns.address = loop.address;
  turns.epoll_fd = loop.epoll_fd;
  return bpf_map_update_elem(programs_->loops(), &loop.tid, &turns, BPF_ANY) == 0;
}

void TurnProbes::forget(uint32_t tid) { bpf_map_delete_elem(programs_->loops(), &tid); }

uint64_t TurnProbes::end_interval() { return programs_->end_interval(); }

std::optional<ts_loop_turns> TurnProbes::read(uint32_t tid) const {
  ts_loop_turns turns{};
  if (bpf_map_lookup_elem(programs_->loops(), &tid, &turns) != 0) return std::nullopt;
  return turns;
}

}  // namespace timeslice::observe
