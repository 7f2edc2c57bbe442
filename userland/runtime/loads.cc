// SPDX-License-Identifier: MIT
#include "runtime/loads.h"

#include <Zydis/Zydis.h>

namespace timeslice::runtime {

namespace {

Register register_of(ZydisRegister name) {
  if (name == ZYDIS_REGISTER_RIP) return Register::rip;
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, name);
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15) return Register::none;
  return static_cast<Register>(whole - ZYDIS_REGISTER_RAX);
}

bool is_plain(const ZydisDecodedOperandMem& memory) {
  return memory.index == ZYDIS_REGISTER_NONE && memory.segment != ZYDIS_REGISTER_FS &&
         memory.segment != ZYDIS_REGISTER_GS;
}

}  // namespace

std::vector<Load> loads_of(std::span<const uint8_t> code, uint64_t address) {
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  std::vector<Load> loads;
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  for (size_t at = 0; at < code.size(); at += instruction.length) {
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code.data() + at, code.size() - at,
                                             &instruction, operands)))
      break;
    if (instruction.operand_count_visible < 2) continue;
    const ZydisDecodedOperand &to = operands[0], &from = operands[1];
    if (from.type != ZYDIS_OPERAND_TYPE_MEMORY || to.type != ZYDIS_OPERAND_TYPE_REGISTER ||
        !is_plain(from.mem))
      continue;
    Load load;
    load.base = register_of(from.mem.base);
    load.displacement = from.mem.disp.value;
    if (load.base == Register::rip)
      load.displacement = static_cast<int64_t>(address + at + instruction.length +
                                               static_cast<uint64_t>(load.displacement));
    load.bytes = from.mem.type == ZYDIS_MEMOP_TYPE_AGEN ? 0 : from.size / 8;
    load.to = register_of(to.reg.value);
    loads.push_back(load);
  }
  return loads;
}

}  // namespace timeslice::runtime
