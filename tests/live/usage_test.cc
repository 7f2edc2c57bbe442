// SPDX-License-Identifier: MIT
// What can't be meant is bad usage: exit status 2, a sentence that names the option or the word,
// and nothing done. What this machine only happens not to have is a failure: exit status 1.
#include "tests/catch.h"
#include "tests/live/processes.h"

namespace timeslice::live {

namespace {

struct Refused {
  std::vector<std::string> arguments;
  const char* sentence;  // a part of it
};

Outcome run_timeslice(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), timeslice());
  return run(arguments);
}

void check_refused(const Refused& refused, int status) {
  const Outcome outcome = run_timeslice(refused.arguments);
  CAPTURE(refused.arguments, outcome.err);
  CHECK(outcome.status == status);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.find(refused.sentence) != std::string::npos);
}

struct Limited {
  std::vector<std::string> command;
  std::string option, beyond;
  bool whole = false;
};

const std::vector<Limited> kNumbers = {
    {{"top", "-b"}, "-d", "3601"},
    {{"top", "-b"}, "-n", "1000000001", true},
    {{"record"}, "--seconds", "1000001"},
    {{"record"}, "--ring", "3601"},
    {{"record"}, "--trigger-wait", "1000001"},
    {{"record"}, "--buffer-kib", "2097152", true},
    {{"report", "none"}, "--from", "1000000001"},
    {{"report", "none"}, "--to", "1000000001"},
    {{"report", "none"}, "--rows", "4294967296", true},
    {{"lanes", "none"}, "--from", "1000000001"},
    {{"lanes", "none"}, "--to", "1000000001"},
    {{"lanes", "none"}, "--width", "10001", true},
    {{"lanes", "none"}, "--threads", "100001", true},
    {{"timeline", "none"}, "--from", "1000000001"},
    {{"timeline", "none"}, "--to", "1000000001"},
    {{"demo"}, "--seconds", "1000000001"},
    {{"demo"}, "--port", "65536", true},
    {{"demo"}, "--pool", "1025", true},
    {{"demo"}, "--cluster", "257", true},
    {{"demo"}, "--sort-workers", "65", true},
    {{"demo"}, "--file-kib", "1048577", true},
    {{"lab", "1"}, "--seed", "1000000000", true},
};

}  // namespace

TEST_CASE("a malformed or out-of-range number is bad usage everywhere") {
  for (const Limited& limited : kNumbers) {
    std::vector<std::string> words = {"nan",   "-nan", "inf", "-inf", "-1",
                                      "1e999", "",     "abc", "1x",   "99999999999999999999"};
    words.push_back(limited.beyond);
    if (limited.whole) words.insert(words.end(), {"1.5", "1e3"});
    for (const std::string& word : words) {
      std::vector<std::string> arguments = limited.command;
      arguments.insert(arguments.end(), {limited.option, word});
      check_refused({arguments, "is not a "}, 2);
    }
  }
}

TEST_CASE("a malformed size is bad usage") {
  for (const char* size :
       {"-1", "nan", "inf", "abc", "", "+5MB", "MB", "4QB", "1.5MB", "5BB", "1e3"})
    check_refused({{"record", "--max-size", size}, "is not a size"}, 2);
  for (const char* size : {"0", "0MB", "99999999999999999999", "9999999PB", "16EB"})
    check_refused({{"record", "--max-size", size}, "--max-size: "}, 2);
}

TEST_CASE("malformed or contradictory arguments are bad usage") {
  const std::vector<Refused> table = {
      {{"top", "-b", "-p", "abc"}, "'abc' is not a process id"},
      {{"top", "-b", "-p", "0"}, "'0' is not a process id"},
      {{"top", "-b", "-p", "-1"}, "'-1' is not a process id"},
      {{"top", "-b", "-p", "4294967296"}, "'4294967296' is not a process id"},
      {{"top", "-b", "-p", "1,abc"}, "'abc' is not a process id"},
      {{"record", "-p", "1x"}, "'1x' is not a process id"},
      {{"top", "-b", "--sort", "foo"}, "there is no column 'foo'"},
      {{"top", "-b", "--source", "proc", "--probes", "sched"}, "--source proc has no probes"},
      {{"top", "-b", "-p", "1", "--replay", "none"}, "can't be combined with -p;"},
      {{"top", "-b", "--cgroup", "/", "--replay", "none"}, "can't be combined with --cgroup;"},
      {{"top", "-b", "--source", "bpf", "--replay", "none"}, "can't be combined with --source;"},
      {{"top", "-b", "--probes", "none", "--replay", "none"}, "can't be combined with --probes;"},
      {{"top", "--json", "--csv"}, "either --json or --csv"},
      {{"top", "--csv", "-b", "--json"}, "either --json or --csv"},
      {{"report", "--json", "--csv", "none"}, "either --json or --csv"},
      {{"record", "-p", "1", "--", "true"}, "either -p or a command"},
      {{"report", "--from", "5", "--to", "2", "none"}, "--from must be before --to"},
      {{"lanes", "--from", "5", "--to", "5", "none"}, "--from must be before --to"},
      {{"timeline", "--from", "5", "--to", "2", "none"}, "--from must be before --to"},
      {{"record", "--buffer-kib", "5"}, "is not a power of two"},
      {{"lab", "99"}, "there is no lab 99; choose one of 1, 2, "},
      {{"lab", "x"}, "'x' is not a whole number"},
      {{"lab", "--solve"}, "--solve needs the number of a lab"},
      {{"lab", "1", "--grade"}, "--grade takes results, not a lab's number"},
      {{"lab", "1", "--solve", "--answer", "1"}, "--solve excludes --answer"},
      {{"lab", "1", "--learner", ""}, "a learner's name has 1 to 64 bytes"},
      {{"lab", "1", "--answer", "7"}, "answer pids with 1, 3, 5, not 7"},
      {{"lab", "1", "--answer", "colour=red"}, "this lab has no question colour"},
      {{"lab", "1", "--answer", "1", "pids=3"}, "pids is answered twice"},
      {{"record", "--ring", "5", "--max-size", "5MB"}, "can't be combined with --max-size;"},
  };
  for (const Refused& refused : table) check_refused(refused, 2);
}

TEST_CASE("the error for a wrong choice lists the valid ones") {
  const std::vector<Refused> table = {
      {{"top", "--source", "x"},
       "--source: 'x' is not a valid choice; choose one of bpf, kmod, proc\n"},
      {{"top", "--probes", ""}, "--probes: '' is not a valid choice; choose one of none, sched\n"},
      {{"report", "--by", "x"},
       "'x' is not a valid choice; choose one of thread, process, role, core, loop, ring\n"},
      {{"lanes", "--colour", "x"},
       "'x' is not a valid choice; choose one of thread, reason, none\n"},
      {{"demo", "--backend", "x"},
       "'x' is not a valid choice; choose one of uring, pool, blocking\n"},
      {{"demo", "--policy", "0"},
       "'0' is not a valid choice; choose one of round-robin, reuse-port\n"},
      {{"top", "-b", "--sort", "x"}, "there is no column 'x'; choose one of tid, "},
      {{"x"}, "there is no subcommand 'x'; choose one of top, record, report, lanes, timeline, "},
      {{},
       "choose one of top, record, report, lanes, timeline, loop, uring, why, lab, demo, check\n"},
  };
  for (const Refused& refused : table) check_refused(refused, 2);
}

TEST_CASE("a missing process, cgroup or file is a failure, not bad usage") {
  check_refused({{"top", "-b", "-p", "999999999"}, "there is no process 999999999"}, 1);
  check_refused({{"record", "-p", "999999999"}, "there is no process 999999999"}, 1);
  check_refused({{"top", "-b", "--cgroup", "nosuch"}, "there is no cgroup 'nosuch'"}, 1);
  check_refused({{"report", "nosuch"}, "nosuch"}, 1);
  check_refused({{"lanes", "nosuch"}, "nosuch"}, 1);
  check_refused({{"timeline", "nosuch"}, "nosuch"}, 1);
  check_refused({{"top", "-b", "--replay", "nosuch"}, "nosuch"}, 1);
  check_refused({{"lab", "--grade", "nosuch"}, "there is no file or directory nosuch"}, 1);
}

}  // namespace timeslice::live
