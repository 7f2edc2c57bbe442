// SPDX-License-Identifier: MIT
// What do `top -b` and `top --csv` print, to the letter?
#include <cstring>

#include "tests/catch.h"
#include "tests/unit/view_frames.h"
#include "view/format/csv.h"
#include "view/format/text.h"
#include "view/format/trust_line.h"
#include "view/report/report.h"

using namespace timeslice;
using test::MadeFrame;

namespace {

void add_node(MadeFrame& made) {
  made.core(0.934, 9975);
  made.core(0.08, 12.3);
  made.process(4321, "node", "node");
  model::Thread& main = made.thread(4321, "node", "main");
  main.cpu_pct = 61.8;
  main.nvcsw_per_s = 794;
  main.nivcsw_per_s = 33;
  main.wait_ms_per_s = 47;
  main.migrations_per_s = 1.2;
  main.row.state = 'R';
  main.row.nvcsw = 12'345;
  model::Thread& worker = made.thread(4322, "node", "libuv-worker");
  worker.row.cpu = 1;
  worker.sleeps_in = "futex: libuv cond";
  made.process(5000, "hog");
  model::Thread& hog = made.thread(5000, "hog");
  hog.cpu_pct = 93;
  hog.nivcsw_per_s = 505;
  hog.row.state = 'R';
  hog.row.flags = TS_THREAD_ON_CPU;
  made.process(12, "ksoftirqd/0").kernel = true;
  made.thread(12, "ksoftirqd/0", "kernel");
}

const char* const count_text =
    R"(timeslice top  18:31:02  over 1.000 s  source bpf  mode count
not available in this mode: P99us PREEMPTOR WAKER
2 processes, 3 threads, by %CPU
CPU   0  busy  93.4%  switches/s  9975  queue 2
CPU   1  busy   8.0%  switches/s    12  queue 0

   TGID COMM             RUNTIME            THR   %CPU  VOL/S  INV/S WAITms  MIG/S   VOLUNT    INVOL
   5000 hog              -                    1   93.0      -    505      -      -        0        0
   4321 node             node                 2   61.8    794     33   47.0    1.2    12345        0

    TID    TGID COMM             ROLE             S  CPU   PR  NI POL      %CPU  VOL/S  INV/S WAITms  MIG/S   VOLUNT    INVOL SLEEPS IN
   5000    5000 hog              thread           R    0   20   0 normal   93.0      -    505      -      -        0        0 -
   4321    4321 node             main             r    0   20   0 normal   61.8    794     33   47.0    1.2    12345        0 -
   4322    4321 node             libuv-worker     S    1   20   0 normal      -      -      -      -      -        0        0 futex: libuv cond

trust: 0 lost records, 0 waits still open, self -% CPU, no probes
)";

}  // namespace

TEST_CASE("the batch text of a small machine") {
  MadeFrame made;
  add_node(made);
  view::TextOptions options;
  options.kernel_threads = false;
  options.clock = "18:31:02";
  std::string text;
  view::TextWriter().append(text, made.frame(), options);
  CHECK(text == count_text);
}

TEST_CASE("the batch text says that a first sample has no rates") {
  MadeFrame made;
  add_node(made);
  made.frame().interval_s.reset();
  std::string text;
  view::TextWriter().append(text, made.frame(), {});
  CHECK(text.find("first sample: no rates yet") != std::string::npos);
  CHECK(text.find("ksoftirqd/0") != std::string::npos);
}

TEST_CASE("if no process matches, the text says so, and nothing about the mode") {
  MadeFrame made;
  std::string text;
  view::TextWriter().append(text, made.frame(), {});
  CHECK(text.find("No process matches") != std::string::npos);
  CHECK(text.find("not available in this mode") == std::string::npos);
  CHECK(text.find("TGID") == std::string::npos);
}

TEST_CASE("threads that aren't in a system call don't miss one") {
  const auto text = [](char state, uint32_t flags) {
    MadeFrame made;
    made.process(1, "p");
    model::Thread& thread = made.thread(1, "p");
    thread.row.state = state;
    thread.row.flags = flags;
    made.frame().have &= ~TS_HAVE_SYSCALL;
    std::string out;
    const model::Frame frame = made.frame();
    view::TextWriter().append(out, frame, {});
    return out.substr(0, out.find("TGID"));
  };
  CHECK(text('Z', 0).find("SLEEPS IN") == std::string::npos);
  CHECK(text('R', 0).find("SLEEPS IN") == std::string::npos);
  CHECK(text('S', TS_THREAD_KERNEL).find("SLEEPS IN") == std::string::npos);
  CHECK(text('S', 0).find("SLEEPS IN") != std::string::npos);
}

TEST_CASE("a long last column is complete, and an endless one does no harm") {
  MadeFrame made;
  made.process(1, "p");
  made.thread(1, "a").sleeps_in = std::string(100, 'y');
  made.thread(2, "b").sleeps_in = std::string(100'000, 'z');
  std::string text;
  view::TextWriter().append(text, made.frame(), {});
  CHECK(text.find(std::string(100, 'y') + "\n") != std::string::npos);
  CHECK(text.size() < 10'000);
}

TEST_CASE("figures wider than their column shift the row, and are not truncated") {
  MadeFrame made;
  made.process(1, "p");
  made.thread(1, "a").cpu_pct = 123'456'789;
  std::string text;
  view::TextWriter().append(text, made.frame(), {});
  CHECK(text.find(" 123456789 ") != std::string::npos);
}

TEST_CASE("the trust line names what is lost, without zeros for what only probes can lose") {
  MadeFrame made(Mode::aggregate);
  model::Frame& frame = made.frame();
  frame.trust.self_cpu_pct = 0.4;
  frame.trust.probe_ns_per_switch = 112.3;
  CHECK(view::trust_in_brief(frame) == "trust: nothing lost, self 0.4% CPU, probes 112 ns/switch");
  frame.trust.missed_switches = 1234;
  CHECK(view::trust_in_brief(frame) ==
        "trust: 1,234 missed switches, self 0.4% CPU, probes 112 ns/switch");
  CHECK(view::trust_in_full(frame) ==
        "trust: 0 lost records, 0 storage failures, 0 unseeded threads, 1,234 missed switches, "
        "0 waits still open, self 0.4% CPU, probes 112 ns/switch");
}

TEST_CASE("CSV quotes as in RFC 4180") {
  std::string out;
  view::append_csv_field(out, "plain text");
  CHECK(out == "plain text");
  out.clear();
  view::append_csv_field(out, "a,b");
  CHECK(out == "\"a,b\"");
  out.clear();
  view::append_csv_field(out, "say \"hi\"");
  CHECK(out == "\"say \"\"hi\"\"\"");
}

TEST_CASE("CSV has no control characters, invalid bytes or formulas") {
  const auto field = [](std::string_view text) {
    std::string out;
    view::append_csv_field(out, text);
    return out;
  };
  CHECK(field("\033]0;pwn\007") == "?]0;pwn?");
  CHECK(field("\r\rover\n") == "??over?");
  CHECK(field("a\xff\x7f") == "a??");
  CHECK(field("=1+1") == "'=1+1");
  CHECK(field("+1") == "'+1");
  CHECK(field("-1") == "'-1");
  CHECK(field("@SUM(1)") == "'@SUM(1)");
  CHECK(field("\t=1") == "?=1");
  CHECK(field("=A1,\"x\"") == "\"'=A1,\"\"x\"\"\"");
  CHECK(field(std::string(300, '\033')) == std::string(300, '?'));
  CHECK(field("").empty());
}

TEST_CASE("roles and evidence from a file are sanitized like names") {
  MadeFrame made;
  made.process(7, "p", "\033[31mruntime");
  model::Thread& thread = made.thread(7, "=c\033", "\033[31mrole");
  thread.role.evidence = "=HYPERLINK(\"x\")\r";
  thread.sleeps_in = "\033[2J";
  std::string csv, text;
  view::append_csv(csv, made.frame());
  view::TextWriter().append(text, made.frame(), {});
  CHECK(csv.find(",'=c?,?[31mrole,\"'=HYPERLINK(\"\"x\"\")?\",") != std::string::npos);
  CHECK(csv.find_first_of("\033\r") == std::string::npos);
  CHECK(text.find_first_of("\033\r") == std::string::npos);
}

TEST_CASE("a report's CSV is as clean as top's, by thread, process and role") {
  model::History history(model::HistoryInfo{}, 0, 0);
  ts_thread_row row{};
  row.tid = row.tgid = 7;
  row.start_ns = 7;
  row.state = 'S';
  std::strcpy(row.comm, "=\033[2J\r");
  history.opening(row);
  history.finish(1000);
  for (const auto by : {model::By::thread, model::By::process, model::By::role}) {
    std::string csv;
    view::append_report_csv(csv, model::make_report(history, {}, by, true));
    CHECK(csv.find_first_of("\033\r") == std::string::npos);
    CHECK((by == model::By::role || csv.find(",'=?[2J?,") != std::string::npos));
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 2);
  }
}

TEST_CASE("a report's JSON escapes invisible characters") {
  model::History history(model::HistoryInfo{}, 0, 0);
  ts_thread_row row{};
  row.tid = row.tgid = 7;
  row.start_ns = 7;
  row.state = 'S';
  std::strcpy(row.comm, "a\x7f\u009b\u202e\u00ef");
  history.opening(row);
  history.finish(1000);
  std::string text;
  view::append_report_json(text, model::make_report(history, {}, model::By::thread, true));
  CHECK(text.find("\"comm\":\"a\\u007f\\u009b\\u202e\u00ef\"") != std::string::npos);
}

TEST_CASE("CSV has a line per thread, and empty fields for unknown figures") {
  MadeFrame made;
  add_node(made);
  std::string out;
  view::append_csv_header(out);
  view::append_csv(out, made.frame());
  CHECK(out.substr(0, out.find('\n')) ==
        "time_ns,tid,tgid,comm,role,role_evidence,role_confidence,state,cpu,prio,nice,policy,"
        "cpu_pct,nvcsw_per_s,nivcsw_per_s,wait_ms_per_s,migrations_per_s,wait_p99_us,"
        "top_preemptor,top_waker,nvcsw,nivcsw,migrations,loop_pct,longest_turn_ms,sleeps_in");
  CHECK(std::count(out.begin(), out.end(), '\n') == 5);
  CHECK(out.find("\n1000000000,4321,4321,node,main,,0,r,0,20,0,normal,61.800,794,33,47,1.200,,,,"
                 "12345,0,0,,,\n") != std::string::npos);
  CHECK(out.find("\n1000000000,4322,4321,node,libuv-worker,,0,S,1,20,0,normal,,,,,,,,,0,0,0,,,"
                 "futex: libuv cond\n") != std::string::npos);
}
