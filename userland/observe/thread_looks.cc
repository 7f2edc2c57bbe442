// SPDX-License-Identifier: MIT
#include "observe/thread_looks.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "look.skel.h"
#include "observe/kfuncs.h"
#include "observe/pass_skeleton.h"
#include "observe/proc_files.h"
#include "observe/task_iterator.h"

namespace timeslice::observe {

namespace {

// By id, which takes the first PID namespace's numbers; or by meeting it on a walk over all
// threads.
enum class Search { id, walk };

bool is_in_first_namespace() {
  constexpr ino_t kFirst = 0xEFFFFFFC;  // PROC_PID_INIT_INO, linux/proc_ns.h
  struct stat status {};
  return stat("/proc/self/ns/pid", &status) == 0 && status.st_ino == kFirst;
}

SkeletonPtr<look_bpf> load(Search search, int& error) {
  SkeletonPtr<look_bpf> skeleton(look_bpf::open());
  if (!skeleton) throw libbpf_failure("the BPF programs that look at threads", errno);
  bpf_program__set_autoload(skeleton->progs.look_by_id, search == Search::id);
  bpf_program__set_autoload(skeleton->progs.look_by_walk, search == Search::walk);
  bpf_program__set_autoattach(skeleton->progs.look_by_walk, false);
  error = -ENOENT;
  if (search == Search::id && !find_kfuncs(skeleton->progs.look_by_id)) return nullptr;
  error = look_bpf::load(skeleton.get());
  return error == 0 ? std::move(skeleton) : nullptr;
}

SkeletonPtr<look_bpf> load_either(Search& search) {
  listen_to_libbpf();
  int error = -ENOENT;
  SkeletonPtr<look_bpf> skeleton;
  search = Search::id;
  if (is_in_first_namespace()) skeleton = load(search, error);
  if (!skeleton && error != -EPERM) {
    search = Search::walk;
    skeleton = load(search, error);
  }
  if (!skeleton) throw libbpf_failure("the BPF programs that look at threads", -error);
  return skeleton;
}

class BpfLooks : public ThreadLooks {
 public:
  BpfLooks() : skeleton_(load_either(search_)) {}

  std::span<const ts_look> read(std::span<const uint32_t> tids) override {
    answers_.clear();
    for (size_t first = 0; first < tids.size(); first += TS_LOOKS)
      look_at(tids.subspan(first, std::min<size_t>(TS_LOOKS, tids.size() - first)));
    return answers_;
  }

  [[nodiscard]] std::string_view source() const override { return "bpf"; }

 private:
  void look_at(std::span<const uint32_t> tids) {
    skeleton_->bss->looked_at = static_cast<uint32_t>(tids.size());
    ts_look* const looks = skeleton_->bss->looks;
    for (size_t i = 0; i < tids.size(); ++i) {
      looks[i] = {};
      looks[i].tid = tids[i];
    }
    search_ == Search::id ? call() : walk(tids);
    answers_.insert(answers_.end(), looks, looks + tids.size());
  }

  void call() {
    LIBBPF_OPTS(bpf_test_run_opts, options);
    const int error =
        bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.look_by_id), &options);
    if (error) throw failure_from_errno("cannot look at threads", -error);
  }

  void walk(std::span<const uint32_t> tids) {
    set_places(tids);
    if (!iterator_) iterator_.emplace(skeleton_->progs.look_by_walk);
    iterator_->run();
  }

  void set_places(std::span<const uint32_t> tids) {
    const int map = bpf_map__fd(skeleton_->maps.places);
    for (const uint32_t tid : placed_) bpf_map_delete_elem(map, &tid);
    placed_.assign(tids.begin(), tids.end());
    for (uint32_t place = 0; place < tids.size(); ++place)
      bpf_map_update_elem(map, &tids[place], &place, BPF_ANY);
  }

  Search search_ = Search::id;
  SkeletonPtr<look_bpf> skeleton_;
  std::optional<TaskIterator> iterator_;  // of the walk
  std::vector<uint32_t> placed_;
  std::vector<ts_look> answers_;
};

// The files of /proc tell of a sleeper its call and its stack, and no other register.
class ProcLooks : public ThreadLooks {
 public:
  std::span<const ts_look> read(std::span<const uint32_t> tids) override {
    answers_.clear();
    for (const uint32_t tid : tids) answers_.push_back(look_at(tid));
    return answers_;
  }

  [[nodiscard]] std::string_view source() const override { return "proc"; }

 private:
  static ts_look look_at(uint32_t tid) {
    ts_look look{};
    look.tid = tid;
    look.syscall_nr = -1;
    // A thread's own files are found by its number as well, though no listing names them.
    const std::string id = std::to_string(tid);
    const UniqueFd thread(open(("/proc/" + id + "/task/" + id).c_str(), O_PATH | O_CLOEXEC));
    ts_thread_row row{};
    if (!thread || !read_stat(thread.get(), row)) return look;
    read_status(thread.get(), row);
    read_schedstat(thread.get(), row);
    read_syscall(thread.get(), row);
    look.have = TS_LOOK_THREAD | (row.record.have & TS_HAVE_WAIT ? uint32_t{TS_LOOK_WAIT} : 0U);
    look.start_ns = row.start_ns;
    look.cpu_ns = row.cpu_ns;
    look.run_delay_ns = row.run_delay_ns;
    look.nvcsw = row.nvcsw;
    look.nivcsw = row.nivcsw;
    look.state = row.state;
    if (row.record.have & TS_HAVE_SYSCALL) {
      look.sp = row.user_sp;
      look.syscall_nr = row.syscall_nr;
      std::copy_n(row.syscall_args, TS_SYSCALL_ARGS, look.syscall_args);
    }
    return look;
  }

  std::vector<ts_look> answers_;
};

}  // namespace

std::unique_ptr<ThreadLooks> open_thread_looks(std::string& note) {
  try {
    return std::make_unique<BpfLooks>();
  } catch (const Failure& failure) {
    note = failure.what();
    return std::make_unique<ProcLooks>();
  }
}

}  // namespace timeslice::observe
