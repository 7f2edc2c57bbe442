// SPDX-License-Identifier: MIT
#include "observe/uring_arguments.h"

#include <bpf/btf.h>

#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "base/failure.h"

namespace timeslice::observe {

namespace {

struct BtfCloser {
  void operator()(btf* types) const { btf__free(types); }
};

const btf_type* type_at(const btf* types, uint32_t id) {
  const btf_type* type = btf__type_by_id(types, id);
  while (type && (btf_is_mod(type) || btf_is_typedef(type)))
    type = btf__type_by_id(types, type->type);
  return type;
}

// What each argument of a tracepoint points to: the name of a struct, "" for nothing that has one,
// and absent where it is no pointer.
using Pointees = std::vector<std::optional<std::string>>;

std::optional<Pointees> arguments_of(const btf* types, const std::string& tracepoint) {
  const std::string name = "btf_trace_" + tracepoint;
  const int id = btf__find_by_name_kind(types, name.c_str(), BTF_KIND_TYPEDEF);
  if (id < 0) return std::nullopt;
  const btf_type* pointer = type_at(types, static_cast<uint32_t>(id));
  const btf_type* function = pointer ? btf__type_by_id(types, pointer->type) : nullptr;
  if (!function || !btf_is_func_proto(function)) return std::nullopt;
  Pointees pointees;
  for (uint32_t i = 1; i < btf_vlen(function); ++i) {  // the first is the probe's own data
    const btf_type* argument = type_at(types, btf_params(function)[i].type);
    if (!argument || !btf_is_ptr(argument)) {
      pointees.emplace_back();
      continue;
    }
    const btf_type* target = argument->type ? type_at(types, argument->type) : nullptr;
    pointees.emplace_back(target ? btf__name_by_offset(types, target->name_off) : "");
  }
  return pointees;
}

Pointees wanted(const btf* types, const std::string& tracepoint) {
  auto found = arguments_of(types, tracepoint);
  if (!found)
    throw Failure("this kernel has no tracepoint " + tracepoint +
                  "; operations are counted on 5.18 or later, with CONFIG_IO_URING");
  return *std::move(found);
}

// Since 6.0 as what it is. Before, untyped after its ring; only an earlier order of
// queue_async_work (5.15) has a number between them.
uint32_t request_in(const Pointees& arguments) {
  for (uint32_t i = 0; i < arguments.size(); ++i)
    if (arguments[i] == "io_kiocb") return i;
  return arguments.size() > 1 && !arguments[1] ? 2 : 1;
}

}  // namespace

UringArguments uring_arguments() {
  const std::unique_ptr<btf, BtfCloser> types(btf__load_vmlinux_btf());
  if (!types) throw Failure("this kernel has no type information; use one with BTF");
  UringArguments places;
  const auto submit = arguments_of(types.get(), "io_uring_submit_req");
  places.submit = submit ? "io_uring_submit_req" : "io_uring_submit_sqe";
  places.submit_request_at = request_in(submit ? *submit : wanted(types.get(), places.submit));
  places.poll_request_at = request_in(wanted(types.get(), "io_uring_poll_arm"));
  places.async_request_at = request_in(wanted(types.get(), "io_uring_queue_async_work"));
  const auto wake = arguments_of(types.get(), "io_uring_task_add");
  if (wake && (request_in(*wake) == 0 || wake->size() == 5))
    places.wake_request_at = request_in(*wake);
  const Pointees complete = wanted(types.get(), "io_uring_complete");
  if (complete.size() < 3 || !complete[1])
    throw Failure("this kernel's io_uring_complete doesn't name the request; use 5.18 or later");
  places.complete_has_cqe = complete[2].has_value();
  return places;
}

}  // namespace timeslice::observe
