// SPDX-License-Identifier: MIT
// Which memory does a small function read, and relative to which register? What a struct looks like
// in a program that we can't ask is written in the code of the functions that return its fields.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace timeslice::runtime {

// x86-64's registers of 64 bits, by the numbers that instructions have for them.
enum class Register : uint8_t {
  rax,
  rcx,
  rdx,
  rbx,
  rsp,
  rbp,
  rsi,
  rdi,
  r8,
  r9,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  rip,
  none
};

// One instruction that loads from a constant distance to a register, or computes that address
// (lea).
struct Load {
  Register base = Register::none;
  int64_t displacement = 0;      // with rip as base: the address itself
  uint32_t bytes = 0;            // how many are read; 0: none, it's only the address
  Register to = Register::none;  // none: a register of another class, as xmm0
};

// Of the function whose code lies at `address`, in the order of the code, up to its first byte that
// is no instruction. Other instructions are left out, so a register may have changed in between.
std::vector<Load> loads_of(std::span<const uint8_t> code, uint64_t address);

}  // namespace timeslice::runtime
