// SPDX-License-Identifier: MIT
#include "tools/record.h"

#include <memory>

#include "base/bad_usage.h"
#include "record/recorder.h"
#include "tools/checks.h"
#include "tools/least_privilege.h"
#include "tools/named_processes.h"
#include "tools/new_file_option.h"

namespace timeslice::tools {

void add_record(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("record", "Record each switch and wake-up into a file");
  auto options = std::make_shared<record::RecordOptions>();
  auto pids = std::make_shared<std::vector<std::string>>();
  add_new_file(*command, "The file, a Perfetto trace", "FILE", options->path, options->earlier);
  command->add_option("-p,--pid", *pids, "Only these processes and what they fork")
      ->type_name("PID[,PID]")
      ->check(names_something);
  command->add_option("--seconds", options->seconds, "End after this time")
      ->type_name("SEC")
      ->check(number_within(0.001, 1e6));
  command->add_option("--max-size", options->max_bytes, "End when the file has this size, as 100MB")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(true))
      ->check(is_possible_size)
      ->transform(CLI::Validator(is_size, ""));
  command
      ->add_option("--buffer-kib", options->ring_kib,
                   "Room for records in the kernel, a core: a power of two; 4096, less from 65 "
                   "cores on")
      ->check(whole_within(4, 1 << 20))
      ->check([](const std::string& text) {
        const unsigned long kib = std::strtoul(text.c_str(), nullptr, 10);
        return (kib & (kib - 1)) == 0 ? "" : text + " is no power of two";
      });
  command
      ->add_option(
          "--ring", options->ring_seconds,
          "A flight recorder: keep the last seconds in memory, and write them at the end, at "
          "the trigger, and whenever SIGUSR1 comes")
      ->type_name("SEC")
      ->check(number_within(0.1, 3600));
  command
      ->add_option("--trigger-wait", options->trigger_wait_ms,
                   "End when a thread has waited this long for a core")
      ->type_name("MS")
      ->check(number_within(0.001, 1e6));
  command->add_flag("--self", options->with_self, "The recorder's own wake-ups as well");
  command->add_flag("-q,--quiet", options->quiet, "Say nothing on stderr unless it fails");
  command->add_option("command", options->command, "Record this command and what it forks")
      ->type_name("CMD…");
  command->positionals_at_end();
  command->footer(
      "Without -p and without a command the whole machine is recorded, until Ctrl-C, SIGTERM or\n"
      "--seconds. A command comes after --, and ends the recording when it ends:\n"
      "then the exit status is the command's.");
  command->callback([options, pids, &status] {
    options->tgids = named_processes(*pids);
    if (!options->tgids.empty() && !options->command.empty())
      throw BadUsage("either -p or a command can be recorded, not both");
    if (options->ring_seconds > 0 && options->max_bytes > 0)
      throw BadUsage(
          "--ring keeps what its seconds hold, so --max-size doesn't go with it; leave one of the "
          "two out");
    if (options->path == "-" || options->path == "/dev/stdout")
      throw BadUsage("cannot record into " + options->path +
                     ": a recording is written piece by piece at its places, which only a regular "
                     "file has; name one");
    keep_rights_for(options->command.empty() ? Work::recording : Work::starting_a_command);
    status = record::record(*options);
  });
}

}  // namespace timeslice::tools
