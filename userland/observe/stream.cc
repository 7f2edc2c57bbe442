// SPDX-License-Identifier: MIT
#include "observe/stream.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <sys/resource.h>

#include <cerrno>
#include <exception>
#include <string>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "observe/core_rings.h"
#include "observe/libbpf_log.h"
#include "observe/mapped_array.h"
#include "observe/pass_skeleton.h"
#include "observe/preempt_count.h"
#include "observe/targets.h"
#include "stream.skel.h"

namespace timeslice::observe {

namespace {

// As struct stream_core in bpf/stream.bpf.c.
struct CoreState {
  uint64_t dropped;
  uint64_t lost;
  uint64_t unwoken;
  uint32_t running;
  uint32_t running_nvcsw;
  uint32_t running_tid, running_tgid;
  uint64_t running_task;
  uint64_t pad[2];
};
static_assert(sizeof(CoreState) == 64);

struct RingCloser {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

// Since 5.18 sched_switch tells the state in which a thread left; its type says so: the probe's own
// data, then the arguments.
bool switch_tells_state() {
  btf* const types = btf__load_vmlinux_btf();
  if (!types) return false;
  const int id = btf__find_by_name_kind(types, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
  uint32_t arguments = 0;
  if (id > 0) {
    const btf_type* pointer =
        btf__type_by_id(types, btf__type_by_id(types, static_cast<uint32_t>(id))->type);
    arguments = btf_vlen(btf__type_by_id(types, pointer->type));
  }
  btf__free(types);
  return arguments >= 5;
}

// The first that is asked of libbpf, which prints what it can't find unless it is listened to.
uint32_t core_count() {
  refuse_foreign_proc();
  listen_to_libbpf();
  const int count = libbpf_num_possible_cpus();
  if (count < 1) throw libbpf_failure("the stream mode's BPF programs", -count);
  return static_cast<uint32_t>(count);
}

// A ring takes a descriptor. The soft limit is for programs that still use select(2), and a command
// that we start inherits it: so it is raised only where the cores need that.
void make_room_for_descriptors(uint32_t cores) {
  constexpr uint32_t others = 64;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= cores + others) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

uint32_t ring_bytes_for(uint32_t cores) {
  constexpr uint64_t all = 256 << 20;
  uint32_t bytes = 4 << 20;
  while (bytes > 256 << 10 && uint64_t{bytes} * cores > all) bytes /= 2;
  return bytes;
}

struct Stream::Impl {
  explicit Impl(const StreamOptions& options);

  void make_rings(uint32_t bytes);
  void meet_reader() const;
  static int hand_over(void* impl, void* record, size_t size);

  uint32_t cores = core_count();
  SkeletonPtr<stream_bpf> skeleton;
  std::vector<UniqueFd> ring_fds;
  std::unique_ptr<ring_buffer, RingCloser> rings;
  std::unique_ptr<MappedArray<volatile CoreState>> core_states;
  const Take* take = nullptr;  // during consume()
  std::exception_ptr thrown;   // by it
};

Stream::Impl::Impl(const StreamOptions& options) {
  make_room_for_descriptors(cores);
  const uint32_t ring_bytes = options.ring_bytes > 0 ? options.ring_bytes : ring_bytes_for(cores);
  skeleton.reset(stream_bpf::open());
  if (!skeleton) throw libbpf_failure("the stream mode's BPF programs", errno);
  bpf_map__set_max_entries(skeleton->maps.rings, cores);
  bpf_map__set_max_entries(skeleton->maps.stream_cores, cores);
  skeleton->rodata->filtered = !options.tgids.empty();
  skeleton->rodata->leave_out_reader = options.leave_out_self;
  skeleton->rodata->switch_has_state = switch_tells_state();
  skeleton->rodata->wake_bytes = ring_bytes / 4;
  skeleton->rodata->rq_to_preempt_count = rq_to_preempt_count();
  if (const int error = stream_bpf::load(skeleton.get()))
    throw libbpf_failure("the stream mode's BPF programs", -error);
  make_rings(ring_bytes);
  core_states = std::make_unique<MappedArray<volatile CoreState>>(skeleton->maps.stream_cores);
  fill_filter(skeleton->maps.tgid_filter, options.tgids);
  meet_reader();
  if (const int error = stream_bpf::attach(skeleton.get()))
    throw libbpf_failure("the stream's probes", -error);
}

void Stream::Impl::make_rings(uint32_t bytes) {
  ring_fds = make_core_rings(bpf_map__fd(skeleton->maps.rings), cores, bytes);
  for (const UniqueFd& ring : ring_fds) {
    const int fd = ring.get();
    if (!rings) {
      rings.reset(ring_buffer__new(fd, hand_over, this, nullptr));
      if (!rings) throw failure_from_errno("cannot read the rings", errno);
    } else if (const int error = ring_buffer__add(rings.get(), fd, hand_over, this)) {
      throw failure_from_errno("cannot read the rings", -error);
    }
  }
}

void Stream::Impl::meet_reader() const {
  LIBBPF_OPTS(bpf_test_run_opts, run);
  if (bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.meet_reader), &run))
    throw failure_from_errno("cannot set up the stream mode's BPF programs", errno);
}

// An exception must not cross libbpf's frames: it is kept, and thrown anew by consume().
int Stream::Impl::hand_over(void* context, void* record, size_t size) {
  auto& impl = *static_cast<Impl*>(context);
  const auto& event = *static_cast<const ts_event*>(record);
  if (size < sizeof(event) || size < ts_event_size(event.kind)) return 0;
  try {
    (*impl.take)(event);
    return 0;
  } catch (...) {
    impl.thrown = std::current_exception();
    return -ECANCELED;
  }
}

Stream::Stream(const StreamOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Stream::~Stream() = default;

int Stream::fd() const { return ring_buffer__epoll_fd(impl_->rings.get()); }

size_t Stream::consume(const Take& take) {
  impl_->take = &take;
  const int records = ring_buffer__consume(impl_->rings.get());
  impl_->take = nullptr;
  if (impl_->thrown) std::rethrow_exception(std::exchange(impl_->thrown, nullptr));
  if (records < 0) throw failure_from_errno("cannot read the rings", -records);
  return static_cast<size_t>(records);
}

int Stream::filter() const { return bpf_map__fd(impl_->skeleton->maps.tgid_filter); }

void Stream::forget(uint32_t tgid) {
  bpf_map__delete_elem(impl_->skeleton->maps.tgid_filter, &tgid, sizeof(tgid), 0);
}

uint64_t Stream::now_ns() const {
  LIBBPF_OPTS(bpf_test_run_opts, run);
  if (bpf_prog_test_run_opts(bpf_program__fd(impl_->skeleton->progs.tell_time), &run))
    throw failure_from_errno("cannot read the records' clock", errno);
  return impl_->skeleton->bss->clock_ns;
}

void Stream::detach() { stream_bpf::detach(impl_->skeleton.get()); }

std::vector<ts_stream_core> Stream::figures() const {
  std::vector<ts_stream_core> figures(impl_->cores);
  const auto& states = *impl_->core_states;
  for (uint32_t cpu = 0; cpu < impl_->cores; ++cpu) {
    figures[cpu].cpu = cpu;
    figures[cpu].dropped[TS_DROP_FULL] = states[cpu].dropped;
  }
  return figures;
}

uint64_t Stream::filter_failures() const { return impl_->skeleton->bss->filter_failures; }

}  // namespace timeslice::observe
