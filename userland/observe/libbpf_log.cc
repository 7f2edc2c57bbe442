// SPDX-License-Identifier: MIT
#include "observe/libbpf_log.h"

#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace timeslice::observe {

namespace {

// A refused program's log is a warning of many lines, its reason near the end.
constexpr size_t kMaxWarnings = 8 << 20;

std::string warnings;

int keep_warning(enum libbpf_print_level level, const char* format, va_list args) {
  if (level != LIBBPF_WARN || warnings.size() >= kMaxWarnings) return 0;
  va_list again;
  va_copy(again, args);
  const int length = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return 0;
  std::string text(static_cast<size_t>(length) + 1, '\0');
  vsnprintf(text.data(), text.size(), format, args);
  text.pop_back();
  warnings += text;
  return 0;
}

std::string line_at(size_t at) { return warnings.substr(at, warnings.find('\n', at) - at); }

// The line that names the cause: a field that this kernel hasn't as we know it, or what the
// verifier said last, or else libbpf's first complaint; those after it only say that it failed.
std::string telling_line() {
  const size_t field = warnings.find("failed to resolve CO-RE relocation");
  if (field != std::string::npos) return line_at(field);
  const size_t end = warnings.find("\nprocessed ");
  if (end == std::string::npos || end == 0) return line_at(0);
  const size_t before = warnings.rfind('\n', end - 1);
  return line_at(before == std::string::npos ? 0 : before + 1);
}

}  // namespace

void listen_to_libbpf() {
  warnings.clear();
  libbpf_set_print(keep_warning);
}

Failure libbpf_failure(const char* what, int error) {
  std::string text = std::string("cannot load ") + what + ": ";
  // The verifier's refusal is EACCES as well; root has all permissions.
  if (error == EPERM || (error == EACCES && geteuid() != 0))
    return Failure(text + "no permission; run as root, or with CAP_BPF and CAP_PERFMON");
  if (access("/sys/kernel", F_OK) != 0)
    return Failure(text + "nothing is mounted at /sys; mount it: mount -t sysfs sysfs /sys");
  if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
    return Failure(text +
                   "this kernel has no type information (/sys/kernel/btf/vmlinux); use a kernel "
                   "built with CONFIG_DEBUG_INFO_BTF");
  text += std::strerror(error);
  const std::string said = telling_line();
  if (!said.empty()) text += " (" + said + ")";
  return Failure(text);
}

void fill_filter(bpf_map* map, const std::vector<uint32_t>& tgids) {
  const uint64_t present = 0;  // that it is in there is all; a stream notes when it began
  for (const uint32_t tgid : tgids) {
    const int error =
        bpf_map__update_elem(map, &tgid, sizeof(tgid), &present, bpf_map__value_size(map), BPF_ANY);
    if (error) throw failure_from_errno("cannot watch that many processes", -error);
  }
}

}  // namespace timeslice::observe
