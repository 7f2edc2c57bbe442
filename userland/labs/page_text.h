// SPDX-License-Identifier: MIT
// A lab's page, its questions and its verdict, as a terminal shows them.
#pragma once
#include <cstddef>
#include <string>

#include "labs/parts/lab.h"
#include "labs/parts/text.h"
#include "labs/parts/verdict.h"

namespace timeslice::labs {

// `width`: of a line, in characters.
// `state`: what became of it here; may be empty.
void append_entry(std::string& out, const Lab& lab, const std::string& state, size_t width);
void append_page(std::string& out, const Lab& lab, const LabText& text, size_t width);
void append_section(std::string& out, const char* heading, const std::string& text, size_t width);
// "from 0 to 1000": what a number may be.
std::string range_of(const Question& question);
void append_question(std::string& out, const Question& question, size_t width);
void append_verdict(std::string& out, const LabText& text, const Verdict& verdict, size_t width);

}  // namespace timeslice::labs
