// SPDX-License-Identifier: MIT
// Do the BPF programs load on a kernel whose fields are narrower than ours? libbpf takes a kernel's
// types from a file as well: this kernel's, with a field changed as a newer one has it.
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cstring>
#include <fstream>
#include <memory>

#include "count.skel.h"
#include "observe/kfuncs.h"
#include "observe/libbpf_log.h"
#include "sched.skel.h"
#include "stream.skel.h"
#include "tests/catch.h"
#include "tests/live/processes.h"

namespace timeslice::live {

namespace {

struct BtfCloser {
  void operator()(btf* types) const { btf__free(types); }
};
struct ObjectCloser {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};

// This kernel's types in a file, with task_struct's `field` as a number of the kind `type`. Empty
// where the field isn't there.
std::string types_with(const ScratchDirectory& scratch, const char* field, const char* type) {
  const std::unique_ptr<btf, BtfCloser> types(btf__parse("/sys/kernel/btf/vmlinux", nullptr));
  REQUIRE(types);
  const int task = btf__find_by_name_kind(types.get(), "task_struct", BTF_KIND_STRUCT);
  const int number = btf__find_by_name_kind(types.get(), type, BTF_KIND_INT);
  REQUIRE(task > 0);
  REQUIRE(number > 0);
  auto* const described =
      const_cast<btf_type*>(btf__type_by_id(types.get(), static_cast<uint32_t>(task)));
  bool changed = false;
  for (btf_member* member = btf_members(described);
       member != btf_members(described) + btf_vlen(described); ++member) {
    if (std::strcmp(btf__name_by_offset(types.get(), member->name_off), field) != 0) continue;
    member->type = static_cast<uint32_t>(number);
    changed = true;
  }
  if (!changed) return {};
  uint32_t size = 0;
  const void* raw = btf__raw_data(types.get(), &size);
  const std::string path = scratch.path() + "/" + field + ".btf";
  std::ofstream(path, std::ios::binary).write(static_cast<const char*>(raw), size);
  return path;
}

// 0, or what the kernel or libbpf refused it with.
int load_with(const std::string& types, const void* bytes, size_t size) {
  observe::listen_to_libbpf();
  LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = types.c_str());
  const std::unique_ptr<bpf_object, ObjectCloser> object(
      bpf_object__open_mem(bytes, size, &options));
  REQUIRE(object);
  // Of the two ways to walk the threads, one is loaded on any kernel.
  if (bpf_program* walk = bpf_object__find_program_by_name(object.get(), "walk_threads")) {
    bpf_program* other = bpf_object__find_program_by_name(object.get(), "read_threads");
    bpf_program__set_autoload(observe::find_kfuncs(walk) ? other : walk, false);
  }
  return bpf_object__load(object.get());
}

int load_each_with(const std::string& types) {
  size_t size = 0;
  const void* bytes = count_bpf__elf_bytes(&size);
  if (const int error = load_with(types, bytes, size)) return error;
  bytes = sched_bpf__elf_bytes(&size);
  if (const int error = load_with(types, bytes, size)) return error;
  bytes = stream_bpf__elf_bytes(&size);
  return load_with(types, bytes, size);
}

}  // namespace

TEST_CASE("programs load on a kernel that has narrowed a field") {
  const ScratchDirectory scratch;
  for (const char* field : {"on_cpu", "prio", "static_prio", "exit_state", "pid", "tgid"}) {
    const std::string types = types_with(scratch, field, "unsigned char");
    CAPTURE(field);
    REQUIRE_FALSE(types.empty());
    const int error = load_each_with(types);
    INFO(observe::libbpf_failure("a mode", -error).what());
    CHECK(error == 0);
  }
}

TEST_CASE("the error about a refused program names what the kernel refused") {
  const ScratchDirectory scratch;
  // Wider than we declare it: a load that libbpf can't fit.
  const std::string types = types_with(scratch, "nvcsw", "__int128");
  const int error = load_each_with(types);
  REQUIRE(error != 0);
  const std::string sentence = observe::libbpf_failure("a mode", -error).what();
  CAPTURE(sentence);
  CHECK(sentence.find("task_struct.nvcsw") != std::string::npos);
  CHECK(sentence.find('\n') == std::string::npos);
}

}  // namespace timeslice::live
