// SPDX-License-Identifier: MIT
#include "observe/preempt_count.h"

#include <bpf/btf.h>

#include <cstring>
#include <memory>
#include <optional>

namespace timeslice::observe {

namespace {

struct BtfCloser {
  void operator()(btf* types) const { btf__free(types); }
};

// The offset of a per-CPU variable in its section.
std::optional<int64_t> variable_offset(const btf* types, const char* name) {
  const int variable = btf__find_by_name_kind(types, name, BTF_KIND_VAR);
  const int section = btf__find_by_name_kind(types, ".data..percpu", BTF_KIND_DATASEC);
  if (variable < 0 || section < 0) return std::nullopt;
  const btf_type* type = btf__type_by_id(types, static_cast<uint32_t>(section));
  const btf_var_secinfo* entry = btf_var_secinfos(type);
  for (int i = 0; i < btf_vlen(type); ++i)
    if (entry[i].type == static_cast<uint32_t>(variable)) return entry[i].offset;
  return std::nullopt;
}

// The offset of `member` in `wanted`, looking into members without a name as well.
std::optional<int64_t> member_offset(const btf* types, uint32_t id, const char* member) {
  const btf_type* type = btf__type_by_id(types, id);
  if (!type || !btf_is_composite(type)) return std::nullopt;
  for (uint32_t i = 0; i < btf_vlen(type); ++i) {
    const char* name = btf__name_by_offset(types, btf_members(type)[i].name_off);
    const int64_t at = btf_member_bit_offset(type, i) / 8;
    if (strcmp(name, member) == 0) return at;
    if (*name != '\0') continue;
    if (const auto inside = member_offset(types, btf_members(type)[i].type, member))
      return at + *inside;
  }
  return std::nullopt;
}

std::optional<int64_t> preempt_count_offset(const btf* types) {
  if (const auto plain = variable_offset(types, "__preempt_count")) return plain;
  const auto hot = variable_offset(types, "pcpu_hot");
  const int id = btf__find_by_name_kind(types, "pcpu_hot", BTF_KIND_STRUCT);
  if (!hot || id < 0) return std::nullopt;
  const auto field = member_offset(types, static_cast<uint32_t>(id), "preempt_count");
  return field ? std::optional(*hot + *field) : std::nullopt;
}

}  // namespace

int64_t rq_to_preempt_count() {
  const std::unique_ptr<btf, BtfCloser> types(btf__load_vmlinux_btf());
  if (!types) return 0;
  const auto rq = variable_offset(types.get(), "runqueues");
  const auto count = preempt_count_offset(types.get());
  return rq && count ? *count - *rq : 0;
}

}  // namespace timeslice::observe
