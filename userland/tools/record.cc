// SPDX-License-Identifier: MIT
#include "tools/record.h"

#include <csignal>
#include <memory>

#include "base/bad_usage.h"
#include "record/recorder.h"
#include "tools/checks.h"
#include "tools/least_privilege.h"
#include "tools/loop_news.h"
#include "tools/named_processes.h"
#include "tools/new_file_option.h"

namespace timeslice::tools {

namespace {

// Who asks for a flight recorder's seconds before its handler stands, which takes over from here,
// or when it has gone, mustn't end it: the request waits, until then or for the exit.
void hold_demands() {
  sigset_t demand;
  sigemptyset(&demand);
  sigaddset(&demand, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &demand, nullptr);
}

}  // namespace

void add_record(CLI::App& app, int& status) {
  CLI::App* command =
      app.add_subcommand("record", "Record every context switch and wake-up to a file");
  auto options = std::make_shared<record::RecordOptions>();
  auto pids = std::make_shared<std::vector<std::string>>();
  auto loops = std::make_shared<bool>(false);
  auto block_ms = std::make_shared<double>(50);
  add_new_file(*command, "Output file, a Perfetto trace", "FILE", options->path, options->earlier);
  command->add_option("-p,--pid", *pids, "Record only these processes and their descendants")
      ->type_name("PID[,PID]")
      ->check(names_something);
  command->add_option("--seconds", options->seconds, "Stop after this time")
      ->type_name("SEC")
      ->check(number_within(0.001, 1e6));
  command
      ->add_option("--max-size", options->max_bytes,
                   "Stop when the file reaches this size, for example 100MB")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(true))
      ->check(is_possible_size)
      ->transform(CLI::Validator(is_size, ""));
  command
      ->add_option("--buffer-kib", options->ring_kib,
                   "Per-CPU kernel ring buffer size in KiB, a power of two; default 4096, less "
                   "on more than 64 CPUs")
      ->check(whole_within(4, 1 << 20))
      ->check([](const std::string& text) {
        const unsigned long kib = std::strtoul(text.c_str(), nullptr, 10);
        return (kib & (kib - 1)) == 0 ? "" : text + " is not a power of two";
      });
  command
      ->add_option(
          "--ring", options->ring_seconds,
          "Flight recorder: keep the last SEC seconds in memory and write them at the end, on "
          "the trigger, and on each SIGUSR1")
      ->type_name("SEC")
      ->check(number_within(0.1, 3600));
  command
      ->add_option("--trigger-wait", options->trigger_wait_ms,
                   "Stop when a thread has waited this long for a CPU")
      ->type_name("MS")
      ->check(number_within(0.001, 1e6));
  command->add_flag("--loop", *loops,
                    "Event loops of Node processes too: what they do, what blocks them, and their "
                    "thread pools");
  add_block_option(*command, *block_ms);
  command->get_option("--block-ms")->needs("--loop");
  command->add_flag("--uring", options->rings,
                    "What io_uring does too: each ring's operations by route, and the threads "
                    "behind it");
  command->add_flag("--self", options->with_self, "Include the recorder's own wake-ups");
  command->add_flag("-q,--quiet", options->quiet, "Print nothing to stderr unless it fails");
  command->add_option("command", options->command, "Record this command and its descendants")
      ->type_name("CMD…");
  command->positionals_at_end();
  command->footer(
      "Without -p or a command the whole machine is recorded, until Ctrl-C, SIGTERM or --seconds.\n"
      "A command follows --; when it ends, the recording ends with the command's exit status.");
  command->callback([=, &status] {
    hold_demands();
    options->tgids = named_processes(*pids);
    if (!options->tgids.empty() && !options->command.empty())
      throw BadUsage("use either -p or a command, not both");
    if (options->ring_seconds > 0 && options->max_bytes > 0)
      throw BadUsage(
          "--ring is limited by time, so it can't be combined with --max-size; use one of the two");
    if (options->path == "-" || options->path == "/dev/stdout")
      throw BadUsage("cannot record to " + options->path +
                     ": a recording is written at file offsets, so name a regular file");
    if (*loops) options->loop_block_ns = static_cast<uint64_t>(*block_ms * 1e6);
    keep_rights_for(options->command.empty() ? Work::recording : Work::starting_a_command);
    status = record::record(*options);
  });
}

}  // namespace timeslice::tools
