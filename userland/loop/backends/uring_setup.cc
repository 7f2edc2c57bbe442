// SPDX-License-Identifier: MIT
// Which ring does this machine provide? The best of a few set-ups: each fallback does without
// something newer. If none works, because a container's filter, a sysctl or a memory limit
// forbids it, or the kernel lacks an operation, the pool serves. Each fallback leaves a note. We
// test for operations and features, never for version numbers: kernels are patched.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>

#include "loop/backends/uring_backend.h"

namespace timeslice::loop {

namespace {

// From linux/io_uring.h; liburing 2.3 doesn't have them yet.
constexpr unsigned kFeatureNoIowait = 1U << 17;
constexpr unsigned kRegisterSendMsgRing = 31;
constexpr std::uint64_t kProbeTag = 0;
constexpr unsigned kNeededFeatures =
    IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_EXT_ARG | IORING_FEAT_FAST_POLL;

struct Step {
  unsigned flags;
  const char* note;
};
constexpr Step kLadder[] = {
    {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL, ""},
    {IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL,
     "This kernel has no DEFER_TASKRUN (Linux 6.1 has), so the ring runs with COOP_TASKRUN."},
    {0, "This kernel has no COOP_TASKRUN (Linux 5.19 has), so the ring runs with its defaults."},
};

constexpr std::size_t kSqpollStep = 2;  // it goes with neither of the others

struct NeededOp {
  int op;
  const char* name;
};
constexpr NeededOp kNeededOps[] = {
    {IORING_OP_READ, "READ"},         {IORING_OP_WRITE, "WRITE"},
    {IORING_OP_CLOSE, "CLOSE"},       {IORING_OP_RECV, "RECV"},
    {IORING_OP_SEND, "SEND"},         {IORING_OP_CONNECT, "CONNECT"},
    {IORING_OP_SENDMSG, "SENDMSG"},   {IORING_OP_SHUTDOWN, "SHUTDOWN"},
    {IORING_OP_READV, "READV"},       {IORING_OP_WRITEV, "WRITEV"},
    {IORING_OP_POLL_ADD, "POLL_ADD"}, {IORING_OP_ASYNC_CANCEL, "ASYNC_CANCEL"},
};

constexpr const char* kPoolServes = ", so the thread pool serves.";

std::string refusal(int error) {
  const std::string what = std::string("io_uring_setup: ") + std::strerror(-error);
  switch (error) {
    case -EPERM:
      return "io_uring is not permitted here (" + what +
             "; a container's seccomp filter or sysctl kernel.io_uring_disabled forbids it)" +
             kPoolServes;
    case -ENOSYS:
      return "This kernel has no io_uring (" + what + ")" + kPoolServes;
    case -ENOMEM:
      return "There is not even memory for a ring of one entry (" + what +
             "; raise the limit with ulimit -l)" + kPoolServes;
    default:
      return "io_uring can't be set up (" + what + ")" + kPoolServes;
  }
}

// Old kernels charge rings to RLIMIT_MEMLOCK: a smaller one may still fit.
int set_up_halving(const Options& options, unsigned flags, io_uring& ring,
                   io_uring_params& params) {
  const auto setup = options.ring_setup ? options.ring_setup : ::io_uring_queue_init_params;
  int error = -ENOMEM;
  for (unsigned entries = std::max(options.ring_entries, 1U); error == -ENOMEM && entries > 0;
       entries /= 2) {
    params = {};
    params.flags = flags | IORING_SETUP_CLAMP;
    error = setup(entries, &ring, &params);
  }
  return error;
}

using Probe = std::unique_ptr<io_uring_probe, decltype(&::io_uring_free_probe)>;

std::string missing(const io_uring_probe* probe, const io_uring_params& params) {
  if ((params.features & kNeededFeatures) != kNeededFeatures)
    return "a wait with a timeout or lossless completions (Linux 5.11 has both)";
  for (const NeededOp& needed : kNeededOps)
    if (!probe || !::io_uring_opcode_supported(probe, needed.op))
      return std::string("the operation ") + needed.name;
  return "";
}

// Tried for real, too: a filter may allow the set-up and refuse this.
std::string enter_is_refused(const io_uring& ring) {
  const int error = ::io_uring_enter(static_cast<unsigned>(ring.ring_fd), 0, 0, 0, nullptr);
  if (error >= 0) return "";
  return std::string("io_uring can be set up, but not used (io_uring_enter: ") +
         std::strerror(-error) + "; a container's seccomp filter forbids it)" + kPoolServes;
}

// Tried for real: its completion is left to be ignored.
bool takes_messages(const io_uring& ring) { return send_message(ring.ring_fd, kProbeTag) == 0; }

// Unbounded work (sockets, pipes) could otherwise start a thread for each request.
void cap_kernel_workers(io_uring& ring, unsigned workers) {
  unsigned bounded_and_unbounded[2] = {workers, workers};
  // Before 5.15 there is no such cap; we never ask for IOSQE_ASYNC, so it stays a precaution.
  ::io_uring_register_iowq_max_workers(&ring, bounded_and_unbounded);
}

}  // namespace

int send_message(int ring_fd, std::uint64_t tag) noexcept {
  io_uring_sqe sqe{};
  sqe.opcode = IORING_OP_MSG_RING;
  sqe.fd = ring_fd;
  sqe.off = tag;
  const int saved = errno;
  const long result = ::syscall(SYS_io_uring_register, -1, kRegisterSendMsgRing, &sqe, 1);
  const int error = result < 0 ? -errno : 0;
  errno = saved;
  return error;
}

Ring set_up_ring(const Options& options) {
  Ring out;
  io_uring_params params{};
  int error = -EINVAL;
  for (std::size_t i = options.sqpoll ? kSqpollStep : 0; i < std::size(kLadder); ++i) {
    const unsigned flags = kLadder[i].flags | (options.sqpoll ? IORING_SETUP_SQPOLL : 0);
    error = set_up_halving(options, flags, out.ring, params);
    out.deferred = (flags & IORING_SETUP_DEFER_TASKRUN) != 0;
    out.note = options.sqpoll ? "" : kLadder[i].note;
    if (error != -EINVAL) break;
  }
  if (error != 0) {
    out.note = refusal(error);
    return out;
  }
  const Probe probe(::io_uring_get_probe_ring(&out.ring), &::io_uring_free_probe);
  if (const std::string lack = missing(probe.get(), params); !lack.empty()) {
    ::io_uring_queue_exit(&out.ring);
    out.note = "This kernel's io_uring lacks " + lack + kPoolServes;
    return out;
  }
  if (const std::string refused = enter_is_refused(out.ring); !refused.empty()) {
    ::io_uring_queue_exit(&out.ring);
    out.note = refused;
    return out;
  }
  if (params.sq_entries < options.ring_entries && out.note.empty())
    out.note = "Memory allowed a ring of " + std::to_string(params.sq_entries) +
               " entries instead of " + std::to_string(options.ring_entries) + ".";
  cap_kernel_workers(out.ring, options.pool_size);
  ::io_uring_register_ring_fd(&out.ring);  // spares the kernel a look-up at each call
  out.no_iowait = (params.features & kFeatureNoIowait) != 0 && !options.count_as_iowait;
  out.silent_success = (params.features & IORING_FEAT_CQE_SKIP) != 0 && out.deferred;
  // No bit tells of multishot receives; they came with this operation, in 6.0.
  out.multishot =
      !options.without_multishot && ::io_uring_opcode_supported(probe.get(), IORING_OP_SEND_ZC);
  out.message_wake = takes_messages(out.ring);
  out.sqpoll = options.sqpoll;
  out.usable = true;
  return out;
}

std::unique_ptr<Backend> make_uring_backend(const Options& options, std::string& note) {
  const Ring ring = set_up_ring(options);
  note = ring.note;
  if (!ring.usable) return nullptr;
  return std::make_unique<UringBackend>(ring, options);
}

}  // namespace timeslice::loop
