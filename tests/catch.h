// SPDX-License-Identifier: MIT
// Which Catch2 is this? Version 2 (Debian 12) has one header, version 3 another. Both build.
#pragma once
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif
#include <string>

// Prints the reason and counts the running case as skipped. Use it through SKIP_TEST.
void note_skip(const std::string& reason);

// Ends the running test case as skipped: a test that could not run never passes for one that did.
// (Catch2's own SKIP exists from 3.3 on; this one works with every version.)
#define SKIP_TEST(reason) \
  do {                    \
    note_skip(reason);    \
    return;               \
  } while (0)
