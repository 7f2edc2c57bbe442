// SPDX-License-Identifier: MIT
// Where does a subcommand write its file, and may it replace what is there? -o and --force, alike
// for all of them: the default's earlier file is kept as FILE.old, another isn't written over
// unasked.
#pragma once
#include <CLI/CLI.hpp>
#include <string>

#include "base/private_file.h"

namespace timeslice::tools {

// `path`: holds the default. Both must live as long as `command`.
inline void add_new_file(CLI::App& command, const std::string& what, const std::string& type,
                         std::string& path, Earlier& earlier) {
  command.add_option("-o,--output", path, what)
      ->type_name(type)
      ->capture_default_str()
      ->each([&earlier](const std::string&) {
        if (earlier != Earlier::replace) earlier = Earlier::refuse;
      });
  command.add_flag_callback(
      "--force", [&earlier] { earlier = Earlier::replace; }, "Replace an existing file");
}

}  // namespace timeslice::tools
