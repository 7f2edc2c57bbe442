// SPDX-License-Identifier: MIT
#include "observe/libbpf_log.h"

#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace timeslice::observe {

namespace {

std::string last_warning;

int keep_warning(enum libbpf_print_level level, const char* format, va_list args) {
  if (level != LIBBPF_WARN) return 0;
  char text[1024];
  vsnprintf(text, sizeof(text), format, args);
  last_warning = text;
  return 0;
}

}  // namespace

void listen_to_libbpf() {
  last_warning.clear();
  libbpf_set_print(keep_warning);
}

Failure libbpf_failure(const char* what, int error) {
  std::string text = std::string("cannot load ") + what + ": ";
  // The verifier's refusal is EACCES as well; root has all permissions.
  if (error == EPERM || (error == EACCES && geteuid() != 0))
    return Failure(text + "no permission; run as root, or with CAP_BPF and CAP_PERFMON");
  if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
    return Failure(text +
                   "this kernel has no type information (/sys/kernel/btf/vmlinux); use a kernel "
                   "built with CONFIG_DEBUG_INFO_BTF");
  text += std::strerror(error);
  if (!last_warning.empty()) {
    const std::string said = last_warning.substr(0, last_warning.find('\n'));
    text += " (" + said + ")";
  }
  return Failure(text);
}

void fill_filter(bpf_map* map, const std::vector<uint32_t>& tgids) {
  const uint8_t present = 1;
  for (const uint32_t tgid : tgids) {
    const int error =
        bpf_map__update_elem(map, &tgid, sizeof(tgid), &present, sizeof(present), BPF_ANY);
    if (error) throw failure_from_errno("cannot watch so many processes at once", -error);
  }
}

}  // namespace timeslice::observe
