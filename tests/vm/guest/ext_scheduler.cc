// SPDX-License-Identifier: MIT
#include "tests/vm/guest/ext_scheduler.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/live/processes.h"

namespace timeslice::vm {

namespace {

constexpr std::string_view kName = "plain";

struct BtfCloser {
  void operator()(btf* types) const { btf__free(types); }
};
using Types = std::unique_ptr<btf, BtfCloser>;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

const btf_type* type_of(const Types& types, const char* name) {
  return btf__type_by_id(types.get(), static_cast<uint32_t>(btf__find_by_name_kind(
                                          types.get(), name, BTF_KIND_STRUCT)));
}

// In bytes; of a member that isn't a bit field.
size_t offset_of(const Types& types, const btf_type* type, std::string_view member) {
  for (uint32_t i = 0; i < btf_vlen(type); ++i)
    if (member == btf__name_by_offset(types.get(), btf_members(type)[i].name_off))
      return btf_member_bit_offset(type, i) / 8;
  throw std::runtime_error("sched_ext_ops: no " + std::string(member));
}

// A map of this kind must come with types of its own; ours needs none of them.
Types some_types() {
  Types types(btf__new_empty());
  btf__add_int(types.get(), "int", 4, BTF_INT_SIGNED);
  if (btf__load_into_kernel(types.get()) != 0) fail("types don't load");
  return types;
}

}  // namespace

bool offers_sched_ext() { return ::access("/sys/kernel/sched_ext/state", F_OK) == 0; }

bool is_ruled_by_sched_ext(pid_t pid) {
  const std::string text = live::read_file("/proc/" + std::to_string(pid) + "/sched");
  const size_t line = text.find("ext.enabled");
  return line != std::string::npos && text.substr(line, text.find('\n', line) - line).back() == '1';
}

// What libbpf does for a map in the section .struct_ops, with all functions left out: a scheduler
// is a value of the kernel's own struct, and starts when it is stored.
ExtScheduler::ExtScheduler() {
  const Types kernel(btf__load_vmlinux_btf()), own = some_types();
  const char* const value_name = "bpf_struct_ops_sched_ext_ops";
  const int value_id = btf__find_by_name_kind(kernel.get(), value_name, BTF_KIND_STRUCT);
  if (value_id < 0) fail(value_name);
  const btf_type* value = type_of(kernel, value_name);
  LIBBPF_OPTS(bpf_map_create_opts, options, .btf_fd = static_cast<uint32_t>(btf__fd(own.get())),
              .btf_vmlinux_value_type_id = static_cast<uint32_t>(value_id));
  map_ = UniqueFd(
      ::bpf_map_create(BPF_MAP_TYPE_STRUCT_OPS, "plain", sizeof(int), value->size, 1, &options));
  if (!map_) fail("a sched_ext scheduler's map");
  std::vector<char> scheduler(value->size);
  const size_t name = offset_of(kernel, value, "data") +
                      offset_of(kernel, type_of(kernel, "sched_ext_ops"), "name");
  kName.copy(scheduler.data() + name, kName.size());
  const int key = 0;
  if (::bpf_map_update_elem(map_.get(), &key, scheduler.data(), BPF_ANY) != 0)
    fail("the kernel refuses the sched_ext scheduler");
}

ExtScheduler::~ExtScheduler() {
  const int key = 0;
  ::bpf_map_delete_elem(map_.get(), &key);
}

}  // namespace timeslice::vm
