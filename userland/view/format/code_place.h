// SPDX-License-Identifier: MIT
// How is a place in a program's text written? "name (file:line)", "name (about file:line)" where
// the line isn't exact, "name (eval at file:line)" for text that was evaluated there.
#pragma once
#include <string>

#include "model/block_profile.h"

namespace timeslice::view {

void append_place(std::string& out, const model::StackFrame& frame);
// "name (file:line), calling name (file:line)".
void append_place(std::string& out, const model::BlockFunction& function);

}  // namespace timeslice::view
