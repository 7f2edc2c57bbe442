// SPDX-License-Identifier: MIT
// Where can somebody look into the loop while it runs, and at what price when nobody does? At a
// probe point, for the price of one instruction that does nothing:
//
//   TS_PROBE(turn, loop, number);  // the probe "turn" of the provider "timeslice", two arguments
//
// leaves a nop in the code and, in a section that is never loaded, a note that says where the nop
// is and in which registers the arguments are then. Every USDT tool reads such notes (bpftrace,
// perf, gdb, libbpf's bpf_program__attach_usdt): section .note.stapsdt, owner "stapsdt", type 3;
// then the nop's address, that of .stapsdt.base (to tell how far the code was moved after it was
// linked), that of a semaphore (we have none), provider, name, and for each argument SIZE@WHERE,
// the size in bytes and negative if it is signed: "8@%rdi -4@$3".
//
// - 0 to 5 arguments: integers, enumerations, bools and pointers. They are computed whether
//   somebody looks or not, so they should be at hand.
// - An argument is in a register, or is a constant. Memory operands would spare a load here and
//   there. But g++ also writes such as 8@(%r14,%r15,8), which libbpf 1.1 can't read, and
//   clang, once allowed memory, stores each argument there first.
// - On x86-64 the nop has five bytes, for Linux 6.18 replaces such a one by a call where others
//   cost a trap. That call writes its return address below the stack pointer: into the red zone,
//   where a function that calls nobody may keep variables. So each probe claims that it may go on
//   at a call (it never does), and the compiler leaves the red zone alone.
// - `?` puts the note into the group of the function that it speaks of. Where the linker drops
//   the second copy of an inline function, that copy's note goes with it.
// - `asm inline` keeps the compiler from taking this text's length for the code's.
//
// On an architecture that isn't listed there are no probes, and no arguments are computed.
#pragma once
#include <type_traits>

#if defined(__x86_64__) && defined(__LP64__)
#define TS_PROBE_NOP ".byte 0x0f, 0x1f, 0x44, 0, 0"
#elif defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64)
#define TS_PROBE_NOP "nop"
#endif

namespace timeslice::loop {

// An argument's size as the note has it: in bytes, and negative if it is signed.
template <typename T>
constexpr int probe_size() {
  static_assert(std::is_integral_v<T> || std::is_enum_v<T> || std::is_pointer_v<T>,
                "a probe's arguments are integers, enumerations, bools and pointers");
  static_assert(sizeof(T) <= 8, "a probe's argument has at most 8 bytes");  // NOLINT
  const int size = sizeof(T);                                               // NOLINT
  if constexpr (std::is_enum_v<T>)
    return std::is_signed_v<std::underlying_type_t<T>> ? -size : size;
  else
    return std::is_signed_v<T> ? -size : size;
}

}  // namespace timeslice::loop

#ifdef TS_PROBE_NOP

// 771 is the nop, 772 to 773 the owner, 774 to 775 what follows. The base is one byte, the same for
// a whole program and whatever other USDT headers it includes.
#define TS_PROBE_ASM(name, arguments)                                         \
  "771: " TS_PROBE_NOP "\n"                                                   \
  ".pushsection .note.stapsdt, \"?\", \"note\"\n"                             \
  ".balign 4\n"                                                               \
  ".4byte 773f - 772f, 775f - 774f, 3\n"                                      \
  "772: .asciz \"stapsdt\"\n"                                                 \
  "773: .balign 4\n"                                                          \
  "774: .8byte 771b, _.stapsdt.base, 0\n"                                     \
  ".asciz \"timeslice\", \"" #name "\", \"" arguments "\"\n"                  \
  "775: .balign 4\n"                                                          \
  ".popsection\n"                                                             \
  ".ifndef _.stapsdt.base\n"                                                  \
  ".pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n" \
  ".weak _.stapsdt.base\n"                                                    \
  ".hidden _.stapsdt.base\n"                                                  \
  "_.stapsdt.base: .space 1\n"                                                \
  ".size _.stapsdt.base, 1\n"                                                 \
  ".popsection\n"                                                             \
  ".endif"

#ifdef __x86_64__
#define TS_PROBE_PLACE(text, ...)                  \
  asm goto inline(text : : __VA_ARGS__ : : never); \
  return;                                          \
  never:                                           \
  __builtin_abort()
#else
#define TS_PROBE_PLACE(text, ...) asm inline volatile(text : : __VA_ARGS__)
#endif

#define TS_PROBE_TEXT_1 "%c[s1]@%[v1]"
#define TS_PROBE_TEXT_2 TS_PROBE_TEXT_1 " %c[s2]@%[v2]"
#define TS_PROBE_TEXT_3 TS_PROBE_TEXT_2 " %c[s3]@%[v3]"
#define TS_PROBE_TEXT_4 TS_PROBE_TEXT_3 " %c[s4]@%[v4]"
#define TS_PROBE_TEXT_5 TS_PROBE_TEXT_4 " %c[s5]@%[v5]"

#define TS_PROBE_OPERAND(i) \
  [s##i] "n"(::timeslice::loop::probe_size<decltype(ts_arg##i)>()), [v##i] "nr"(ts_arg##i)
#define TS_PROBE_OPERANDS_1 TS_PROBE_OPERAND(1)
#define TS_PROBE_OPERANDS_2 TS_PROBE_OPERANDS_1, TS_PROBE_OPERAND(2)
#define TS_PROBE_OPERANDS_3 TS_PROBE_OPERANDS_2, TS_PROBE_OPERAND(3)
#define TS_PROBE_OPERANDS_4 TS_PROBE_OPERANDS_3, TS_PROBE_OPERAND(4)
#define TS_PROBE_OPERANDS_5 TS_PROBE_OPERANDS_4, TS_PROBE_OPERAND(5)

// A lambda, for clang refuses a second `asm goto` in a function that destroys variables.
#define TS_PROBE_LAMBDA __attribute__((always_inline))
#define TS_PROBE_0(name) []() TS_PROBE_LAMBDA { TS_PROBE_PLACE(TS_PROBE_ASM(name, "")); }
#define TS_PROBE_1(name)                                                      \
  [](auto ts_arg1) TS_PROBE_LAMBDA {                                          \
    TS_PROBE_PLACE(TS_PROBE_ASM(name, TS_PROBE_TEXT_1), TS_PROBE_OPERANDS_1); \
  }
#define TS_PROBE_2(name)                                                      \
  [](auto ts_arg1, auto ts_arg2) TS_PROBE_LAMBDA {                            \
    TS_PROBE_PLACE(TS_PROBE_ASM(name, TS_PROBE_TEXT_2), TS_PROBE_OPERANDS_2); \
  }
#define TS_PROBE_3(name)                                                      \
  [](auto ts_arg1, auto ts_arg2, auto ts_arg3) TS_PROBE_LAMBDA {              \
    TS_PROBE_PLACE(TS_PROBE_ASM(name, TS_PROBE_TEXT_3), TS_PROBE_OPERANDS_3); \
  }
#define TS_PROBE_4(name)                                                       \
  [](auto ts_arg1, auto ts_arg2, auto ts_arg3, auto ts_arg4) TS_PROBE_LAMBDA { \
    TS_PROBE_PLACE(TS_PROBE_ASM(name, TS_PROBE_TEXT_4), TS_PROBE_OPERANDS_4);  \
  }
#define TS_PROBE_5(name)                                                                     \
  [](auto ts_arg1, auto ts_arg2, auto ts_arg3, auto ts_arg4, auto ts_arg5) TS_PROBE_LAMBDA { \
    TS_PROBE_PLACE(TS_PROBE_ASM(name, TS_PROBE_TEXT_5), TS_PROBE_OPERANDS_5);                \
  }

// The macro for as many arguments as there are.
#define TS_PROBE_SIXTH(a, b, c, d, e, chosen, ...) chosen
#define TS_PROBE(name, ...)                                                                 \
  TS_PROBE_SIXTH(__VA_ARGS__ __VA_OPT__(, ) TS_PROBE_5, TS_PROBE_4, TS_PROBE_3, TS_PROBE_2, \
                 TS_PROBE_1, TS_PROBE_0)                                                    \
  (name)(__VA_ARGS__)

#else
#define TS_PROBE(name, ...) static_cast<void>(0)
#endif
