// SPDX-License-Identifier: MIT
// 32-bit system calls have other numbers: is one of them ever shown under a 64-bit call's name?
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "tests/live/waiting.h"
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

namespace {

constexpr uint32_t kAddress = 0x08048000;
constexpr int kNoSuchPrograms = 99;

// for (;;) pause(), whose number there is 29: shmget(), in 64-bit programs.
constexpr std::array<unsigned char, 9> kPause = {0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7};

struct Program {
  Elf32_Ehdr header{};
  Elf32_Phdr segment{};
  std::array<unsigned char, kPause.size()> code = kPause;
};

Program made_program() {
  Program program;
  std::memcpy(program.header.e_ident, ELFMAG, SELFMAG);
  program.header.e_ident[EI_CLASS] = ELFCLASS32;
  program.header.e_ident[EI_DATA] = ELFDATA2LSB;
  program.header.e_ident[EI_VERSION] = EV_CURRENT;
  program.header.e_type = ET_EXEC;
  program.header.e_machine = EM_386;
  program.header.e_version = EV_CURRENT;
  program.header.e_entry = kAddress + offsetof(Program, code);
  program.header.e_phoff = offsetof(Program, segment);
  program.header.e_ehsize = sizeof(Elf32_Ehdr);
  program.header.e_phentsize = sizeof(Elf32_Phdr);
  program.header.e_phnum = 1;
  program.segment.p_type = PT_LOAD;
  program.segment.p_vaddr = program.segment.p_paddr = kAddress;
  program.segment.p_filesz = program.segment.p_memsz = sizeof(Program);
  program.segment.p_flags = PF_R | PF_X;
  program.segment.p_align = 4096;
  return program;
}

std::string put_program() {
  const std::string path = "/pause32";
  const Program program = made_program();
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755));
  REQUIRE(::write(fd.get(), &program, sizeof program) == sizeof program);
  return path;
}

// A 32-bit program that sleeps in pause(). Null where this kernel runs none: there a 64-bit one
// must not try such a call either, because the kernel logs it as a fault.
std::unique_ptr<live::Child> pausing_program() {
  const std::string path = put_program();
  auto program = std::make_unique<live::Child>([&] {
    ::execl(path.c_str(), path.c_str(), nullptr);
    ::_exit(kNoSuchPrograms);
  });
  bool ended = false;
  REQUIRE(live::until([&] {
    ended = program->wait(std::chrono::milliseconds(0)).has_value();
    const std::string stat =
        ended ? "" : read_in_steps("/proc/" + std::to_string(program->pid()) + "/stat", 4096);
    return ended || stat.find("(pause32) S") != std::string::npos;
  }));
  if (!ended) return program;
  CHECK(program->wait() == kNoSuchPrograms);
  SUCCEED("this kernel runs no 32-bit programs");
  return nullptr;
}

nlohmann::json thread_by(const std::string& source, pid_t pid) {
  const live::Outcome outcome = live::run({live::timeslice(), "top", "--json", "-n", "1", "-d",
                                           "0.1", "--source", source, "-p", std::to_string(pid)});
  CAPTURE(source, outcome.err);
  REQUIRE(outcome.status == 0);
  return nlohmann::json::parse(outcome.out)["threads"].at(0);
}

}  // namespace

// pause() by its 32-bit number, as a 64-bit program may do it, too.
#ifdef __x86_64__
VM_TEST_CASE("a 64-bit program's 32-bit calls don't get a 64-bit call's name") {
  const Module module;
  if (!pausing_program()) return;
  live::Child program([] {
    for (;;) {
      long result = kPause[1];
      asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
      if (result != -EINTR) ::_exit(kNoSuchPrograms);
    }
  });
  REQUIRE(live::until([&] {
    const std::string call =
        read_in_steps("/proc/" + std::to_string(program.pid()) + "/syscall", 4096);
    return call.starts_with("29 ");
  }));
  std::vector<const char*> sources = {"kmod"};
  if (expects_bpf()) sources.push_back("bpf");
  for (const char* source : sources) {
    const nlohmann::json thread = thread_by(source, program.pid());
    CAPTURE(source, thread.dump());
    CHECK(thread["state"] == "S");
    CHECK(thread["sleeps_in"].is_null());
  }
}
#endif

VM_TEST_CASE("a 32-bit program's calls don't get a 64-bit call's name") {
  const Module module;
  const std::unique_ptr<live::Child> program = pausing_program();
  if (!program) return;
  for (const char* source : {"bpf", "kmod", "proc"}) {
    const nlohmann::json thread = thread_by(source, program->pid());
    CAPTURE(source, thread.dump());
    CHECK(thread["state"] == "S");
    CHECK(thread["sleeps_in"].is_null());
  }
}

}  // namespace timeslice::vm
