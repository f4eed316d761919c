// The harness itself: what it says a power cut may leave is right, and it finds what it must find.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "crash/campaign.h"
#include "crash/cuts.h"
#include "crash/platter.h"
#include "support/catch.h"

namespace retailsync::crash {
namespace {

constexpr char kName[] = "file";

// A disk with one file of 2,000 times 'a', and what is asked of it from then on.
struct Desk {
  Disk disk;
  Log log;
  Image start{{kName, std::string(2000, 'a')}};
  std::shared_ptr<Disk::File> file;

  Desk() {
    disk.Load(start);
    disk.Record(&log);
    int error = 0;
    file = disk.Open(kName, false, &error);
  }

  // What is there when the power goes at the end.
  Image Cut(const std::vector<Fate>& fates, uint64_t seed = 0) const {
    Platter platter(&log, start, seed);
    while (platter.position() < log.operations.size()) platter.Advance();
    REQUIRE(platter.pending().size() == fates.size());
    Image image;
    platter.Cut(fates, &image);
    return image;
  }
};

std::string Filled(std::initializer_list<std::pair<size_t, char>> runs) {
  std::string text;
  for (const auto& [size, letter] : runs) text.append(size, letter);
  return text;
}

TEST_CASE("Disk: an unsynced write may be there, or not, or in sectors") {
  Desk desk;
  desk.disk.Write(*desk.file, 100, std::string(1500, 'b'));
  CHECK(desk.Cut({{FateKind::kDropped}})[kName] == desk.start[kName]);
  CHECK(desk.Cut({{FateKind::kApplied}})[kName] == Filled({{100, 'a'}, {1500, 'b'}, {400, 'a'}}));
  CHECK(desk.Cut({{FateKind::kHead, 1}})[kName] == Filled({{100, 'a'}, {412, 'b'}, {1488, 'a'}}));
  CHECK(desk.Cut({{FateKind::kTail, 1}})[kName] == Filled({{512, 'a'}, {1088, 'b'}, {400, 'a'}}));
  const std::string mixed = desk.Cut({{FateKind::kSectors, 7}})[kName];
  for (size_t i = 0; i < mixed.size(); ++i) {
    const bool is_written = i >= 100 && i < 1600;
    const size_t sector = i / 512;
    const char of_sector = mixed[std::max<size_t>(100, sector * 512)];
    CHECK(mixed[i] == (is_written ? of_sector : 'a'));
  }
}

TEST_CASE("Disk: a file may have grown without its content") {
  Desk desk;
  desk.disk.Write(*desk.file, 2000, std::string(100, 'b'));
  CHECK(desk.Cut({{FateKind::kSizeOnly}})[kName] == Filled({{2000, 'a'}, {100, '\0'}}));
  CHECK(desk.Cut({{FateKind::kDropped}})[kName].size() == 2000);
}

TEST_CASE("Disk: what is synced stays, whatever comes after") {
  Desk desk;
  desk.disk.Write(*desk.file, 0, std::string(2000, 'b'));
  desk.disk.Sync(*desk.file);
  desk.disk.Write(*desk.file, 0, std::string(1000, 'c'));
  desk.disk.Truncate(*desk.file, 500);
  CHECK(desk.Cut({{}, {}})[kName] == Filled({{2000, 'b'}}));
  CHECK(desk.Cut({{}, {FateKind::kApplied}})[kName] == Filled({{500, 'b'}}));
  CHECK(desk.Cut({{FateKind::kApplied}, {}})[kName] == Filled({{1000, 'c'}, {1000, 'b'}}));
  CHECK(desk.Cut({{FateKind::kApplied}, {FateKind::kApplied}})[kName] == Filled({{500, 'c'}}));
}

TEST_CASE("Disk: names are durable only once the directory is synced") {
  Desk desk;
  int error = 0;
  auto log = desk.disk.Open("log", true, &error);
  desk.disk.Write(*log, 0, "old");
  desk.disk.Sync(*log);
  SECTION("a file that was created") {
    CHECK_FALSE(desk.Cut({{}}).contains("log"));
    CHECK(desk.Cut({{FateKind::kApplied}})["log"] == "old");
    desk.disk.SyncDirectory();
    CHECK(desk.Cut({})["log"] == "old");
  }
  SECTION("a file that was deleted, and another one of its name") {
    desk.disk.SyncDirectory();
    desk.disk.Delete("log");
    auto other = desk.disk.Open("log", true, &error);
    desk.disk.Write(*other, 0, "new");
    CHECK(desk.Cut({{}, {}, {}})["log"] == "old");
    CHECK_FALSE(desk.Cut({{FateKind::kApplied}, {}, {}}).contains("log"));
    CHECK(desk.Cut({{}, {FateKind::kApplied}, {FateKind::kApplied}})["log"] == "new");
    CHECK(desk.Cut({{FateKind::kApplied}, {FateKind::kApplied}, {}})["log"].empty());
  }
}

TEST_CASE("Disk: what a failed sync did not write is never written by a later one") {
  Desk desk;
  desk.disk.Write(*desk.file, 0, "lost");
  desk.disk.fault = [](OperationKind kind, const std::string&) {
    return kind == OperationKind::kSync ? EIO : kNoError;
  };
  CHECK(desk.disk.Sync(*desk.file) == EIO);
  desk.disk.fault = nullptr;
  // It can still be read, and the next sync goes well.
  CHECK(desk.disk.Content()[kName].substr(0, 4) == "lost");
  CHECK(desk.disk.Sync(*desk.file) == kNoError);
  CHECK(desk.Cut({})[kName] == desk.start[kName]);
  // Unless it is written again.
  desk.disk.Write(*desk.file, 0, "lost");
  desk.disk.Sync(*desk.file);
  CHECK(desk.Cut({})[kName].substr(0, 4) == "lost");
}

TEST_CASE("Cuts: every class, after every operation, none twice") {
  Desk desk;
  for (int i = 0; i < 4; ++i) {
    desk.disk.Write(*desk.file, 600 * i, std::string(1200, static_cast<char>('b' + i)));
  }
  desk.disk.Sync(*desk.file);
  desk.disk.Truncate(*desk.file, 10);
  std::map<CutClass, int> classes;
  std::set<size_t> positions;
  std::set<std::pair<uint64_t, std::vector<std::pair<int, uint32_t>>>> seen;
  // The world changes once, halfway.
  const auto world = [](size_t position) { return uint64_t{position > 2}; };
  ForEachCut(desk.log, desk.start, {.world = world}, [&](const Platter& platter, const Cut& cut) {
    ++classes[cut.cut_class];
    positions.insert(cut.position);
    std::vector<std::pair<int, uint32_t>> left;
    for (size_t i = 0; i < cut.fates.size(); ++i) {
      if (cut.fates[i].kind == FateKind::kDropped) continue;
      left.emplace_back(
          static_cast<int>(platter.pending()[i] * 10) + static_cast<int>(cut.fates[i].kind),
          cut.fates[i].detail);
    }
    CHECK(seen.insert({2 * platter.generation() + world(cut.position), left}).second);
    return true;
  });
  CHECK(classes.size() == kCutClassCount);
  CHECK(positions.size() == desk.log.operations.size() + 1);
  // With a bound: about so many, and the same ones every time.
  const auto some = [&] {
    std::vector<size_t> at;
    ForEachCut(desk.log, desk.start, {.seed = 5, .cuts_max = 30},
               [&](const Platter&, const Cut& cut) {
                 at.push_back(cut.position);
                 return true;
               });
    return at;
  };
  CHECK(some() == some());
  CHECK(some().size() < seen.size() / 2);
}

Totals Try(const CampaignOptions& options) {
  const auto totals = RunCampaign(options, [](const Failure&) { return true; });
  REQUIRE(totals.ok());
  return *totals;
}

uint64_t Found(const Totals& totals, Finding finding) {
  return totals.findings[static_cast<size_t>(finding)];
}

TEST_CASE("Harness: nothing is lost, and the same seed tries the same") {
  const Totals once = Try({.states = 1000, .seed = 11});
  const Totals again = Try({.states = 1000, .seed = 11});
  CHECK(once.failed() == 0);
  CHECK(once.states >= 1000);
  CHECK(once.states == again.states);
  CHECK(once.engines == again.engines);
  CHECK(once.reached == again.reached);
}

TEST_CASE("Harness: synchronous=NORMAL is found to lose what was acknowledged") {
  const Totals totals =
      Try({.states = 2000, .seed = 11, .tampering = Tampering::kSynchronousNormal});
  CHECK(Found(totals, Finding::kLost) > 50);
  CHECK(Found(totals, Finding::kCorrupt) == 0);
}

TEST_CASE("Harness: synchronous=OFF is found to corrupt, and so is a disk that ignores syncs") {
  const auto tampering = GENERATE(Tampering::kSynchronousOff, Tampering::kIgnoredSyncs);
  const Totals totals = Try({.states = 2000, .seed = 11, .tampering = tampering});
  CHECK(Found(totals, Finding::kLost) > 50);
  CHECK(Found(totals, Finding::kCorrupt) > 10);
}

}  // namespace
}  // namespace retailsync::crash
