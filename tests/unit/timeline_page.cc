// SPDX-License-Identifier: MIT
// Is the timeline's page small, safe with hostile names, and complete? What a browser makes of it
// is tried by tests/page/drive.mjs, which gets its page from the hidden case below.
#include "timeline/page.h"

#include <zlib.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/unit/made_recording.h"
#include "timeline/levels.h"
#include "timeline/text.h"
#include "timeline_page.inc"

using namespace timeslice;
using test::MadeRecording;

namespace {

constexpr const char* trust =
    "trust: 0 lost records, 3 waits still open at the window's edge, self 0.8% CPU";

std::string written(const timeline::TimelinePage& page, const MadeRecording& recording) {
  std::string out;
  page.write(out, recording.info, recording.threads, recording.cores, trust);
  return out;
}

// A loop of the first thread, with a block that is asleep, one of which little is known, and one
// that goes on at the end; and a loop of a thread that nobody knows.
model::LoopTracks made_loops(const MadeRecording& recording) {
  const uint64_t begin_ns = recording.info.begin_ns, end_ns = recording.info.end_ns;
  const uint64_t tenth_ns = (end_ns - begin_ns) / 10;
  model::StackSample sample;
  sample.frames = {{"readSync", "node:fs", 700, 3, true}, {"load<b>", "/srv/app.js", 12, 5, true}};
  sample.phase = "timers";
  model::LoopBlock asleep, bare, open, before;
  asleep.start_ns = begin_ns + 2 * tenth_ns;
  asleep.duration_ns = tenth_ns;
  asleep.split = {0, tenth_ns / 4, tenth_ns - tenth_ns / 4};
  asleep.profile.add(sample);
  asleep.profile.add(sample);
  bare.start_ns = begin_ns + 5 * tenth_ns;
  bare.duration_ns = tenth_ns / 2;
  bare.split.oncpu = tenth_ns / 2;
  open.start_ns = end_ns - tenth_ns / 2;
  open.duration_ns = tenth_ns;
  open.ended = false;
  open.split.oncpu = tenth_ns;
  before.start_ns = begin_ns - 2 * tenth_ns;
  before.duration_ns = tenth_ns;
  model::LoopTracks tracks;
  tracks.block_ns = 1;
  model::LoopTrack& loop = tracks.loops.emplace_back();
  loop.tgid = recording.threads[0].tgid;
  loop.tid = recording.threads[0].tid;
  loop.is_main = true;
  loop.command = "node /srv/app.js";
  loop.blocks = {before, asleep, bare, open};
  loop.stretches.emplace_back().begin_ns = begin_ns + tenth_ns;
  tracks.loops.push_back({1, 2, "", false, {}, {}});
  return tracks;
}

// A ring that received by poll, rested with a request in flight, and left NOPs to io-wq.
model::UringTracks made_rings(const MadeRecording& recording) {
  const uint64_t begin_ns = recording.info.begin_ns, end_ns = recording.info.end_ns;
  const uint64_t tenth_ns = (end_ns - begin_ns) / 10;
  const auto stretch = [&](uint64_t from, uint64_t to, uint64_t in_flight) {
    return model::RingStretch{begin_ns + from * tenth_ns, begin_ns + to * tenth_ns, in_flight, {}};
  };
  model::RingTrack ring;
  ring.tgid = recording.threads[0].tgid;
  ring.fd = 4;
  ring.command = "ring<b>";
  ring.stretches = {stretch(1, 3, 0), stretch(3, 4, 2), stretch(6, 8, 1)};
  model::RingOp recv, nop;
  recv.slot = 27, recv.by_route = {25, 0, 75, 0};
  nop.slot = 0, nop.by_route = {0, 0, 0, 1200};
  ring.stretches[0].ops = {recv};
  ring.stretches[2].ops = {recv, nop};
  model::UringTracks tracks;
  tracks.recorded = true;
  tracks.rings = {ring};
  return tracks;
}

// What stands between the tag that has this id and the next '<'.
std::string text_of(const std::string& page, const std::string& id) {
  const size_t begin = page.find('>', page.find("id=\"" + id + "\"")) + 1;
  return page.substr(begin, page.find('<', begin) - begin);
}

nlohmann::json facts_of(const std::string& page) {
  return nlohmann::json::parse(text_of(page, "facts"));
}

size_t count(const std::string& text, const std::string& what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

// The reader's side of append_base91 and deflated.
std::string unpacked(const std::string& text) {
  std::string alphabet, packed;
  for (char c = '!'; c <= '~'; ++c)
    if (c != '"' && c != '&' && c != '<') alphabet += c;
  uint32_t pending = 0;
  unsigned bits = 0;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    pending |= static_cast<uint32_t>(alphabet.find(text[i]) + 91 * alphabet.find(text[i + 1]))
               << bits;
    for (bits += 13; bits >= 8; bits -= 8, pending >>= 8) packed += static_cast<char>(pending);
  }
  std::string out(1 << 20, '\0');
  uLongf size = out.size();
  const int rc = uncompress(reinterpret_cast<Bytef*>(out.data()), &size,
                            reinterpret_cast<const Bytef*>(packed.data()), packed.size());
  out.resize(rc == Z_OK ? size : 0);
  return out;
}

struct PlayedPage {
  explicit PlayedPage(test::MadeSize size, uint64_t seed = 1) : recording(size, seed) {
    recording.play(page);
  }
  MadeRecording recording;
  timeline::TimelinePage page;
};

}  // namespace

TEST_CASE("A number column returns what was stored") {
  timeline::NumberColumn column;
  std::vector<uint64_t> values;
  for (unsigned bit = 0; bit < 64; ++bit)
    for (const int64_t off : {-1, 0, 1, 12345})
      values.push_back((1ULL << bit) + static_cast<uint64_t>(off));
  for (const uint64_t value : values) column.append(value);
  timeline::NumberReader reader(column);
  for (const uint64_t value : values) REQUIRE(reader.next() == value);
  CHECK_FALSE(reader.more());
}

TEST_CASE("Varints and signs survive") {
  std::string text;
  for (const uint64_t value : {0ULL, 127ULL, 128ULL, 1ULL << 35, ~0ULL})
    timeline::append_varint(text, value);
  size_t at = 0;
  for (const uint64_t value : {0ULL, 127ULL, 128ULL, 1ULL << 35, ~0ULL})
    CHECK(timeline::read_varint(text, at) == value);
  CHECK(at == text.size());
  CHECK(timeline::zigzag(0) == 0);
  CHECK(timeline::zigzag(-1) == 1);
  CHECK(timeline::zigzag(1) == 2);
}

TEST_CASE("Bytes survive as text without HTML's special characters") {
  std::mt19937_64 random(7);
  for (size_t size = 0; size < 300; ++size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % (1 + size));
    std::string text;
    timeline::append_base91(text, timeline::deflated(bytes));
    REQUIRE(text.find_first_of("<&\" \n") == std::string::npos);
    REQUIRE(unpacked(text) == bytes);
  }
}

TEST_CASE("Bins have all of a CPU's busy time, at every level") {
  timeline::BinMaker maker(1'000'000, 256, 3);
  maker.add(0, 0, 10'000);
  maker.add(1, 10'000, 10'100);
  maker.add(2, 500'000, 1'000'000);
  std::vector<timeline::Bin> level = maker.take();
  CHECK(level[0].thread == 0);
  CHECK(level[130].thread == 2);
  CHECK(level[100].busy_ns == 0);
  for (; !level.empty(); level = timeline::coarser(level)) {
    double busy = 0;
    for (const timeline::Bin& bin : level) busy += bin.busy_ns;
    CHECK(busy == Approx(510'100));
  }
}

TEST_CASE("A bin that was busy at all is drawn, and no share is more than the whole") {
  const std::vector<timeline::Bin> level = {
      {}, {.busy_ns = 1}, {.busy_ns = 500}, {.busy_ns = 1001}};
  std::string bytes;
  timeline::append_level(bytes, level, 1000);
  CHECK(bytes.substr(0, 4) == std::string("\x00\x01\x80\xff", 4));
}

TEST_CASE("Where records were lost, a slice doesn't reach back into the one before") {
  const auto slices_of = [](std::vector<std::pair<uint64_t, uint64_t>> bounds) {
    timeline::TimelinePage page;
    for (const auto& [begin_ns, end_ns] : bounds)
      page.slice({.thread = 0, .cpu = 0, .begin_ns = begin_ns, .end_ns = end_ns});
    std::string out;
    page.write(out, {}, {}, {}, "");
    return text_of(out, "slices");
  };
  const std::string whole = slices_of({{100, 200}, {200, 250}, {250, 250}, {300, 400}});
  CHECK(slices_of({{100, 200}, {150, 250}, {160, 240}, {300, 400}}) == whole);
  CHECK(slices_of({{100, 200}, {200, 250}, {250, 251}, {300, 400}}) != whole);
}

TEST_CASE("A timeline's page takes few bytes per slice") {
  const PlayedPage small({.slices = 0, .cores = 2, .threads = 200});
  const PlayedPage large({.slices = 200'000, .cores = 2, .threads = 200});
  const size_t frame = written(small.page, small.recording).size();
  const size_t size = written(large.page, large.recording).size();
  const double each = static_cast<double>(size - frame) / static_cast<double>(large.page.slices());
  CAPTURE(frame, size);
  UNSCOPED_INFO("bytes a slice: " << each);
  CHECK(each < 10);
}

TEST_CASE("A timeline's page has all slices, and the model's sums to compare with") {
  const PlayedPage made({.slices = 5000, .cores = 3, .threads = 40});
  const nlohmann::json facts = facts_of(written(made.page, made.recording));
  uint64_t slices = 0, oncpu_ns = 0;
  REQUIRE(facts["lanes"].size() == 4);  // three cores, and the waits that go on
  for (size_t i = 0; i < 3; ++i) slices += facts["lanes"][i]["count"].get<uint64_t>();
  CHECK(slices == made.page.slices());
  for (const auto& thread : facts["threads"]) oncpu_ns += thread.value("oncpu_ns", uint64_t{0});
  uint64_t expected = 0;
  for (const auto& thread : made.recording.threads) expected += thread.oncpu_ns;
  CHECK(oncpu_ns == expected);
  CHECK(facts["trust"] == trust);
  CHECK(facts["duration_ns"] == made.recording.info.end_ns - made.recording.info.begin_ns);
}

TEST_CASE("A CPU on which nothing ran has its lane") {
  PlayedPage made({.slices = 100, .cores = 1, .threads = 4});
  model::HistoryCore idle;
  idle.cpu = 7;
  made.recording.cores.push_back(idle);
  const nlohmann::json facts = facts_of(written(made.page, made.recording));
  REQUIRE(facts["lanes"].size() == 3);
  CHECK(facts["lanes"][1]["cpu"] == 7);
  CHECK(facts["lanes"][1]["count"] == 0);
}

TEST_CASE("Hostile names can't escape from the page's data") {
  PlayedPage made({.slices = 100});
  const std::string names[] = {"</script><b>",     "<!--<script>",   "\"'&amp;",
                               "]]>{{js}}",        "\xff\xfe bytes", "a\nb\tc\x1b[2J",
                               "\u202E\x7f\u009b", "naïve 日本"};
  for (size_t i = 0; i < std::size(names); ++i) made.recording.threads[i].comm = names[i];
  const std::string plain =
      written(PlayedPage({.slices = 100}).page, PlayedPage({.slices = 100}).recording);
  const std::string page = written(made.page, made.recording);
  for (const char* tag : {"<script", "</script", "<!--", "<b>"})
    CHECK(count(page, tag) == count(plain, tag));
  const nlohmann::json facts = facts_of(page);
  for (size_t i = 0; i < std::size(names); ++i)
    if (i != 4) CHECK(facts["threads"][i]["comm"] == names[i]);
  CHECK(facts["threads"][4]["comm"] == "\uFFFD\uFFFD bytes");
  for (const char* unseen : {"\u202E", "\x7f", "\u009b"}) CHECK(count(page, unseen) == 0);
}

TEST_CASE("A timeline's page loads nothing from outside") {
  const PlayedPage made({.slices = 100});
  const std::string page = written(made.page, made.recording) + timeline_program;
  CHECK(count(page, "default-src 'none'") == 1);
  for (const char* way : {"http:", "https:", "src=", "import(", "fetch(", "@import", "url("})
    CHECK(count(page, way) == 0);
  CHECK(count(page, "{{css") == 0);
}

TEST_CASE("A page has the event loops of its recording, with the blocks in its window") {
  const PlayedPage made({.slices = 100});
  const MadeRecording& recording = made.recording;
  std::string page;
  made.page.write(page, recording.info, recording.threads, recording.cores, trust, false,
                  made_loops(recording));
  CHECK(count(page, "<b>") == count(written(made.page, recording), "<b>"));
  const nlohmann::json loops = facts_of(page)["loops"];
  REQUIRE(loops.size() == 2);
  CHECK(loops[0]["thread"] == 0);
  CHECK(loops[0]["name"] == "app.js");
  CHECK(loops[1]["thread"] == -1);
  const uint64_t whole_ns = recording.info.end_ns - recording.info.begin_ns;
  CHECK(loops[0]["watched_ns"] == whole_ns / 10);
  const nlohmann::json& blocks = loops[0]["blocks"];
  REQUIRE(blocks.size() == 3);
  CHECK(blocks[0]["begin_ns"] == 2 * (whole_ns / 10));
  CHECK(blocks[0]["end_ns"] == 3 * (whole_ns / 10));
  CHECK(blocks[0]["frame"]["function"] == "load<b>");
  CHECK(blocks[0]["frame"]["line"] == 12);
  CHECK(blocks[0]["stack"].size() == 2);
  CHECK(blocks[0]["in"] == 2);
  CHECK_FALSE(blocks[1].contains("frame"));
  CHECK(blocks[2]["end_ns"] == whole_ns);
  CHECK(blocks[2]["length_ns"] == whole_ns / 10);
  CHECK(blocks[2]["ended"] == false);
}

TEST_CASE("A page has the rings of its recording") {
  const PlayedPage made({.slices = 100});
  const MadeRecording& recording = made.recording;
  std::string page;
  made.page.write(page, recording.info, recording.threads, recording.cores, trust, false, {},
                  made_rings(recording));
  CHECK(count(page, "<b>") == count(written(made.page, recording), "<b>"));
  const nlohmann::json rings = facts_of(page)["rings"];
  REQUIRE(rings.size() == 1);
  CHECK(rings[0]["name"] == "ring<b>");
  REQUIRE(rings[0]["stretches"].size() == 3);
  CHECK(rings[0]["stretches"][2]["ops"]["NOP"][TS_URING_IO_WQ] == 1200);
  CHECK(facts_of(written(made.page, recording))["rings"].empty());
}

TEST_CASE("A page of an empty recording is a page") {
  const timeline::TimelinePage page;
  std::string out;
  page.write(out, {}, {}, {}, "");
  CHECK(facts_of(out)["lanes"].size() == 1);
}

TEST_CASE("A page shows the recorder's own threads only on request") {
  PlayedPage made({.slices = 200, .cores = 1, .threads = 4});
  made.recording.threads[2].tgid = made.recording.info.recorder_tgid = 77777;
  const auto hidden = [&](bool with_recorder) {
    std::string out;
    made.page.write(out, made.recording.info, made.recording.threads, made.recording.cores, trust,
                    with_recorder);
    std::vector<bool> all;
    const nlohmann::json facts = facts_of(out);
    for (const auto& thread : facts["threads"]) all.push_back(thread.contains("hidden"));
    return all;
  };
  CHECK(hidden(false) == std::vector{false, false, true, false});
  CHECK(hidden(true) == std::vector{false, false, false, false});
}

TEST_CASE("A page distinguishes two processes that reused an id") {
  PlayedPage made({.slices = 200, .cores = 1, .threads = 4});
  const uint64_t begin_ns = made.recording.info.begin_ns;
  for (size_t i = 0; i < 4; ++i) {
    model::HistoryThread& thread = made.recording.threads[i];
    thread.tgid = 500;
    thread.tid = i % 2 == 0 ? 500 : 500 + static_cast<uint32_t>(i);
    thread.first_ns = begin_ns + (i < 2 ? 0 : 1000);
    thread.last_ns = begin_ns + (i < 2 ? 1000 : 2000);
    thread.born = i >= 2;
  }
  const auto threads = facts_of(written(made.page, made.recording))["threads"];
  CHECK_FALSE(threads[0].contains("leader"));
  CHECK(threads[1]["leader"] == 0);
  CHECK_FALSE(threads[2].contains("leader"));
  CHECK(threads[3]["leader"] == 2);
}

namespace {

// Every slice once more in plain JSON, in the page's order: by core, then the waits that go on.
class Truth : public model::Listener {
 public:
  Truth(timeline::TimelinePage& page, size_t cores) : page_(page), lanes_(cores + 1) {}

  void slice(const model::Slice& slice) override {
    page_.slice(slice);
    lanes_[slice.cpu].push_back(row(slice));
  }
  void waiting(const model::Slice& slice) override {
    page_.waiting(slice);
    lanes_.back().push_back(row(slice));
  }
  [[nodiscard]] std::string text(uint64_t begin_ns) const {
    nlohmann::json all = nlohmann::json::array();
    for (const auto& lane : lanes_)
      for (const auto& slice : lane) all.push_back(slice);
    return nlohmann::json({{"begin_ns", begin_ns}, {"slices", all}}).dump();
  }

 private:
  static nlohmann::json row(const model::Slice& s) {
    const auto thread = [](uint32_t index) {
      return index == model::kNobody ? -1 : static_cast<int64_t>(index);
    };
    return {thread(s.thread),
            s.begin_ns,
            s.end_ns,
            s.wait_ns,
            s.waking_ns,
            thread(s.peer),
            static_cast<int>(s.because),
            s.context,
            s.leaving,
            s.voluntary,
            s.begin_cut,
            s.end_cut};
  }

  timeline::TimelinePage& page_;
  std::vector<std::vector<nlohmann::json>> lanes_;
};

}  // namespace

// TIMESLICE_PAGE=FILE, and TIMESLICE_PAGE_SIZE="SLICES CORES THREADS" if it is to be another.
// TIMESLICE_TRUTH=FILE gets the slices themselves, for the browser's test to compare with.
TEST_CASE("Write a page for a browser", "[.page]") {
  const char* file = std::getenv("TIMESLICE_PAGE");
  if (!file) SKIP_TEST("TIMESLICE_PAGE names no file");
  test::MadeSize size{.slices = 20'000, .cores = 4, .threads = 60};
  if (const char* wanted = std::getenv("TIMESLICE_PAGE_SIZE"))
    std::istringstream(wanted) >> size.slices >> size.cores >> size.threads;
  MadeRecording recording(size, 1);
  timeline::TimelinePage page;
  const char* truth_file = std::getenv("TIMESLICE_TRUTH");
  Truth truth(page, size.cores);
  if (truth_file && *truth_file) {
    recording.play(truth);
    std::ofstream(truth_file) << truth.text(recording.info.begin_ns);
  } else {
    recording.play(page);
  }
  recording.threads[3].comm = "<img src=x>";
  std::string text;
  page.write(text, recording.info, recording.threads, recording.cores, trust, false,
             made_loops(recording), made_rings(recording));
  std::ofstream(file) << text;
  CHECK(page.slices() >= size.slices);
  WARN(text.size() << " bytes, "
                   << static_cast<double>(text.size()) / static_cast<double>(page.slices())
                   << " a slice");
}
