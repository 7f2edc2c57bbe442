// SPDX-License-Identifier: MIT
#include "observe/kfuncs.h"

#include <bpf/btf.h>
#include <linux/bpf.h>

#include <iterator>
#include <memory>
#include <vector>

#include "bpf/kfuncs.h"

namespace timeslice::observe {

namespace {

constexpr const char* kNames[] = {
    "bpf_iter_task_new",   "bpf_iter_task_next", "bpf_iter_task_destroy", "bpf_rcu_read_lock",
    "bpf_rcu_read_unlock", "bpf_task_from_pid",  "bpf_task_release"};
static_assert(std::size(kNames) == TS_KFUNC_END - TS_ITER_NEW);

bool is_call(const bpf_insn& instruction) {
  return instruction.code == (BPF_JMP | BPF_CALL) && instruction.src_reg == 0 &&
         instruction.imm >= TS_ITER_NEW && instruction.imm < TS_KFUNC_END;
}

struct BtfCloser {
  void operator()(btf* types) const { btf__free(types); }
};

}  // namespace

bool find_kfuncs(bpf_program* program) {
  const std::unique_ptr<btf, BtfCloser> types(btf__load_vmlinux_btf());
  if (!types) return false;
  const bpf_insn* first = bpf_program__insns(program);
  std::vector<bpf_insn> instructions(first, first + bpf_program__insn_cnt(program));
  for (bpf_insn& instruction : instructions) {
    if (!is_call(instruction)) continue;
    const char* const name = kNames[instruction.imm - TS_ITER_NEW];
    const int id = btf__find_by_name_kind(types.get(), name, BTF_KIND_FUNC);
    if (id < 0) return false;
    instruction.src_reg = BPF_PSEUDO_KFUNC_CALL;
    instruction.imm = id;
  }
  return bpf_program__set_insns(program, instructions.data(), instructions.size()) == 0;
}

}  // namespace timeslice::observe
