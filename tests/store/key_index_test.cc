// The key index finds every row that has a key, whatever happens around it.
#include "store/key_index_under_test.h"
#include "store/sqlite/key_filter.h"

namespace retailsync::testing {
namespace {

using Catch::Matchers::Contains;

std::vector<uint64_t> Seqs(KeyIndex& index, uint64_t hash) {
  std::vector<KeyMatch> matches;
  Require(index.Find({&hash, 1}, &matches));
  std::vector<uint64_t> seqs;
  for (const KeyMatch& match : matches) {
    seqs.push_back(match.seq);
  }
  return seqs;
}

TEST_CASE("Rows are found by their keys, the newest first", "[key_index]") {
  const uint64_t rows_max = GENERATE(1, 2, 1000);
  KeyIndexUnderTest index(rows_max);
  CHECK(Seqs(*index, 7 << 16).empty());
  index.Commit({{7 << 16, 1}, {8 << 16, 1}, {7 << 16, 3}}, 4);
  index.Commit({{7 << 16, 5}, {7 << 16, 5}}, 5);
  CHECK(Seqs(*index, 7 << 16) == std::vector<uint64_t>{5, 3, 1});
  CHECK(Seqs(*index, 8 << 16) == std::vector<uint64_t>{1});
  CHECK(Seqs(*index, 9 << 16).empty());
  std::vector<KeyMatch> matches;
  const std::vector<uint64_t> hashes = {9 << 16, 8 << 16, 7 << 16, 8 << 16};
  REQUIRE(index->Find(hashes, &matches).ok());
  REQUIRE(matches.size() == 5);
  CHECK((matches[0].index == 1 && matches[0].seq == 1));
  CHECK((matches[1].index == 2 && matches[1].seq == 5));
  CHECK((matches[3].index == 2 && matches[3].seq == 1));
  CHECK((matches[4].index == 3 && matches[4].seq == 1));
}

TEST_CASE("Keys out of order are refused, and nothing is added", "[key_index]") {
  KeyIndexUnderTest index(3);
  index.Commit({{1 << 16, 4}}, 5);
  const std::vector<std::pair<std::vector<KeyEntry>, uint64_t>> wrong = {
      {{{2 << 16, 5}}, 6}, {{{2 << 16, 7}}, 6}, {{{2 << 16, 7}, {3 << 16, 6}}, 7}, {{}, 4}};
  for (const auto& [entries, last_seq] : wrong) {
    CHECK(absl::IsInvalidArgument(index->Add(entries, last_seq)));
    CHECK(Seqs(*index, 2 << 16).empty());
  }
  CHECK(absl::IsInvalidArgument(index->Add({}, uint64_t{1} << 63)));
  index.Commit({{2 << 16, 6}}, 6);
  CHECK(index.WrongAnywhere() == "");
}

TEST_CASE("I2: random journals are found, through rollbacks, restarts and lost power",
          "[key_index]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    KeySource source(seed);
    constexpr uint64_t kRowsMax[] = {1, 2, 3, 8, 30, 100};
    KeyIndexUnderTest index(kRowsMax[source.Below(6)]);
    for (int step = 0; step < 60; ++step) {
      const uint64_t first = index.last_seq() + 1 + (source.Below(10) == 0 ? source.Below(50) : 0);
      const uint64_t last = first + source.Below(source.Below(10) == 0 ? 200 : 12);
      const std::vector<KeyEntry> rows = source.Rows(first, last, 4);
      switch (source.Below(8)) {
        case 0:
          index.RollBack(rows, last);
          break;
        case 1:
          REQUIRE(index.Reopen().ok());
          break;
        case 2:
          REQUIRE(index.LosePower().ok());
          break;
        default:
          index.Commit(rows, last);
      }
      if (step % 10 == 9) {
        INFO("seed " << seed << ", step " << step);
        REQUIRE(index.WrongAnywhere() == "");
      }
    }
  }
}

// Runs of many pages and parts, and merges that go on over many commits.
constexpr uint64_t kLargeRowsMax = 1200;
constexpr uint64_t kLargeCommit = 240;

void CommitLarge(KeySource* source, KeyIndexUnderTest* index) {
  const uint64_t first = index->last_seq() + 1;
  const uint64_t last = first + kLargeCommit - 1;
  index->Commit(source->Rows(first, last, 8), last);
}

TEST_CASE("What a merge has done is undone, redone or gone on with, at every commit",
          "[key_index]") {
  const int what = GENERATE(0, 1, 2, 3);
  KeySource source(9);
  KeyIndexUnderTest index(kLargeRowsMax);
  for (int commit = 0; commit < 100; ++commit) {
    const uint64_t first = index.last_seq() + 1;
    switch (what) {
      case 0:  // every commit fails once
        index.RollBack(source.Rows(first, first + kLargeCommit, 8), first + kLargeCommit);
        break;
      case 1:
        REQUIRE(index.Reopen().ok());
        break;
      case 2:
        REQUIRE(index.LosePower().ok());
        break;
      default: {  // a transaction of several pieces fails
        Transaction transaction(index.connection(), Transaction::Kind::kWrite);
        REQUIRE(transaction.Begin() == SQLITE_OK);
        for (uint64_t piece = 0; piece < 3; ++piece) {
          const uint64_t from = first + 1000 * piece;
          REQUIRE(index->Add(source.Rows(from, from + 999, 8), from + 999).ok());
        }
      }
        index->RolledBack();
    }
    CommitLarge(&source, &index);
    if (commit % 10 == 9) {
      REQUIRE(index.WrongAnywhere(50) == "");
    }
  }
  CHECK(index.Query("SELECT max(level) FROM key_run") == 2);
  CHECK(index.Query("SELECT max(part) FROM key_part") >= 1);
  CHECK(index.Query("SELECT count(*) FROM key_run WHERE state = 2") <= 10);
  CHECK(index.WrongAnywhere() == "");
}

TEST_CASE("Merges get on although most transactions fail", "[key_index]") {
  KeySource source(3);
  KeyIndexUnderTest index(100);
  for (int commit = 0; commit < 1000; ++commit) {
    const uint64_t first = index.last_seq() + 1;
    for (int failure = 0; failure < 3; ++failure) {
      index.RollBack(source.Rows(first, first + 3, 4), first + 3);
    }
    index.Commit(source.Rows(first, first + 3, 4), first + 3);
  }
  CHECK(index.Query("SELECT count(*) FROM key_run WHERE state = 2") <= 10);
  CHECK(index.WrongAnywhere() == "");
}

TEST_CASE("Merges get on although no process lives long", "[key_index]") {
  // What feeds the journal's tail pays for merging as well.
  KeySource source(3);
  KeyIndexUnderTest index(kLargeRowsMax);
  for (int commit = 0; commit < 100; ++commit) {
    CommitLarge(&source, &index);
    REQUIRE(index.Reopen().ok());
  }
  CHECK(index.Query("SELECT count(*) FROM key_run WHERE state = 2") <= 10);
}

TEST_CASE("What is held is found, and no more than fits is", "[key_index]") {
  KeyIndexUnderTest index(4);
  CHECK(index->CanHold(3));
  CHECK_FALSE(index->CanHold(4));
  const std::vector<KeyEntry> rows = {{1 << 16, 1}, {2 << 16, 3}};
  CHECK(absl::IsInvalidArgument(index->Hold(rows, 2)));
  CHECK(absl::IsInvalidArgument(index->Hold(rows, 4)));
  CHECK(Seqs(*index, 1 << 16).empty());
  REQUIRE(index->Hold(rows, 3).ok());
  CHECK(Seqs(*index, 1 << 16) == std::vector<uint64_t>{1});
  CHECK(Seqs(*index, 2 << 16) == std::vector<uint64_t>{3});
  // It is part of the run that is written when more comes.
  index.Commit({{3 << 16, 4}}, 4);
  CHECK(index->indexed_through() == 4);
  CHECK(index.Query("SELECT sum(entries) FROM key_run") == 3);
  CHECK(Seqs(*index, 1 << 16) == std::vector<uint64_t>{1});
}

TEST_CASE("A transaction sees its own keys until it is rolled back", "[key_index]") {
  KeyIndexUnderTest index(4);
  index.Commit({{1 << 16, 1}, {1 << 16, 2}, {1 << 16, 3}}, 3);
  {
    Transaction transaction(index.connection(), Transaction::Kind::kWrite);
    REQUIRE(transaction.Begin() == SQLITE_OK);
    REQUIRE(index->Add(std::vector<KeyEntry>{{1 << 16, 4}, {2 << 16, 5}}, 5).ok());
    CHECK(index->indexed_through() == 4);
    CHECK(Seqs(*index, 1 << 16) == std::vector<uint64_t>{4, 3, 2, 1});
    CHECK(Seqs(*index, 2 << 16) == std::vector<uint64_t>{5});
  }
  index->RolledBack();
  CHECK(index->indexed_through() == 0);
  CHECK(Seqs(*index, 1 << 16) == std::vector<uint64_t>{3, 2, 1});
  CHECK(Seqs(*index, 2 << 16).empty());
}

TEST_CASE("A transaction that is cut off leaves what was before it", "[key_index]") {
  KeySource source(5);
  KeyIndexUnderTest index(10);
  for (int commit = 0; commit < 60; ++commit) {
    const uint64_t first = index.last_seq() + 1;
    index.Commit(source.Rows(first, first + 4, 3), first + 4);
    index.Execute("BEGIN IMMEDIATE");
    REQUIRE(index->Add(source.Rows(first + 5, first + 30, 3), first + 30).ok());
    REQUIRE(index.LosePower().ok());
    REQUIRE(index.WrongAnywhere() == "");
  }
}

TEST_CASE("Hashes that all look alike are slow, not wrong", "[key_index]") {
  const int shape = GENERATE(0, 1, 2);
  KeySource source(1);
  KeyIndexUnderTest index(500);
  for (int commit = 0; commit < 40; ++commit) {
    std::vector<KeyEntry> rows;
    const uint64_t first = index.last_seq() + 1;
    for (uint64_t seq = first; seq < first + 250; ++seq) {
      switch (shape) {
        case 0:  // one key, over many pages
          rows.push_back({42, seq});
          break;
        case 1:  // one block of the filter
          rows.push_back({seq << 16, seq});
          break;
        default:  // the two ends
          rows.push_back({source.Below(2) == 0 ? seq << 16 : ~(seq << 16), seq});
      }
      rows.push_back({source.Below(1000) << 50, seq});
    }
    index.Commit(rows, first + 249);
  }
  CHECK(index.WrongAnywhere() == "");
  REQUIRE(index.Reopen().ok());
  CHECK(index.WrongAnywhere() == "");
}

TEST_CASE("Seqs that are far apart are found", "[key_index]") {
  KeySource source(2);
  KeyIndexUnderTest index(GENERATE(1, uint64_t{1} << 24));
  uint64_t seq = 0;
  for (int commit = 0; commit < 60; ++commit) {
    seq += uint64_t{1} << (commit % 56);
    index.Commit({{source.Below(~uint64_t{0}), seq}, {42, seq}}, seq);
  }
  index.Commit({{1, (uint64_t{1} << 63) - 1}}, (uint64_t{1} << 63) - 1);
  CHECK(index.WrongAnywhere() == "");
  REQUIRE(index.Reopen().ok());
  CHECK(index.WrongAnywhere() == "");
}

TEST_CASE("No commit waits for a merge, and merges keep up", "[key_index]") {
  constexpr int64_t kEntriesOfAPage = 1013;
  KeySource source(4);
  KeyIndexUnderTest index(100);
  int64_t changes_before = sqlite3_total_changes64(index.connection()->raw());
  int64_t most = 0;
  for (int commit = 0; commit < 1500; ++commit) {
    const uint64_t first = index.last_seq() + 1;
    const std::vector<KeyEntry> rows = source.Rows(first, first + 49, 6);
    index.Commit(rows, first + 49);
    const int64_t changes = sqlite3_total_changes64(index.connection()->raw());
    most = std::max(most, changes - changes_before);
    changes_before = changes;
  }
  // Some 150 keys a commit: ten times as many are merged, and a run of twice as many is written.
  // Beside their pages there are a few rows about each run that came to its end.
  CHECK(most < 12 * 300 / kEntriesOfAPage + 40);
  // 750 runs were written, of which no more than seven a level are left.
  const int64_t levels = index.Query("SELECT max(level) + 1 FROM key_run");
  CHECK(levels >= 5);
  CHECK(index.Query("SELECT count(*) FROM key_run WHERE state = 2") <= 7 * levels);
  // And no more of them at once.
  CHECK(index.Query("SELECT count(*) FROM key_run WHERE state = 3") <= 8);
}

TEST_CASE("Pages are used again", "[key_index]") {
  KeySource source(6);
  KeyIndexUnderTest index(kLargeRowsMax);
  for (int commit = 0; commit < 160; ++commit) {
    CommitLarge(&source, &index);
    if (commit == 100) {  // what is free is known again
      REQUIRE(index.Reopen().ok());
    }
  }
  // Those of the runs, of what is merged from all of them, and not much else.
  const auto pages = static_cast<int64_t>(index.journal().size() / 1013);
  CHECK(index.Query("SELECT count(*) FROM key_page") <= 5 * pages / 2);
  CHECK(index.Query("SELECT max(id) FROM key_page") ==
        index.Query("SELECT count(*) FROM key_page"));
  CHECK(index.WrongAnywhere(50) == "");
}

TEST_CASE("The filter rules out what it should", "[key_index]") {
  using store::sqlite::KeyFilter;
  constexpr uint64_t kKeys = 100'000;
  KeySource source(7);
  const auto key = [&] { return source.Below(~uint64_t{0}) >> 16; };
  constexpr std::pair<uint64_t, double> kMost[] = {
      {9, 0.02}, {12, 0.006}, {16, 0.002}, {20, 0.001}};
  for (const auto& [bits, most] : kMost) {
    KeyFilter filter(KeyFilter::BlocksFor(kKeys, bits));
    for (uint64_t i = 0; i < kKeys; ++i) {
      const uint64_t added = key();
      filter.Add(added);
      REQUIRE(filter.MayHave(added, KeyFilter::PatternOf(added)));
    }
    uint64_t taken = 0;
    for (uint64_t i = 0; i < kKeys; ++i) {
      const uint64_t absent = key();
      taken += filter.MayHave(absent, KeyFilter::PatternOf(absent)) ? 1 : 0;
    }
    CHECK(static_cast<double>(taken) < most * kKeys);
  }
}

TEST_CASE("A filter that gave up its lower part knows the rest", "[key_index]") {
  using store::sqlite::KeyFilter;
  // Several pieces of memory, the last of them a short one.
  constexpr uint64_t kBlocks = 5000;
  constexpr uint64_t kLow = uint64_t{1} << 46;  // a quarter of the keys are below it
  KeySource source(8);
  std::vector<uint64_t> keys;
  KeyFilter filter(kBlocks);
  for (int i = 0; i < 20'000; ++i) {
    keys.push_back(source.Below(~uint64_t{0}) >> 16);
    filter.Add(keys.back());
  }
  const std::string stored = filter.Bytes(0, kBlocks);
  REQUIRE(stored.size() == kBlocks * KeyFilter::kBlockBytes);
  const bool is_loaded = GENERATE(false, true);
  KeyFilter low_gone(kBlocks);
  if (!is_loaded) low_gone = std::move(filter);
  low_gone.GiveUpBelow(kLow);
  if (is_loaded) {
    constexpr uint64_t kFirst = 1999;
    REQUIRE(low_gone.Load(0, std::string_view(stored).substr(0, kFirst * KeyFilter::kBlockBytes)));
    REQUIRE(
        low_gone.Load(kFirst, std::string_view(stored).substr(kFirst * KeyFilter::kBlockBytes)));
    CHECK(!low_gone.Load(1, stored));
    CHECK(!low_gone.Load(0, std::string_view(stored).substr(1)));
  }
  size_t above = 0;
  for (const uint64_t key : keys) {
    if (key < kLow) continue;
    ++above;
    REQUIRE(low_gone.MayHave(key, KeyFilter::PatternOf(key)));
  }
  CHECK(above > 14'000);
  // What it gave up is not there any more, whichever way it came in.
  constexpr uint64_t kGone = 1024;
  CHECK(low_gone.Bytes(0, kGone) == std::string(kGone * KeyFilter::kBlockBytes, '\0'));
  CHECK(low_gone.Bytes(1250, kBlocks - 1250) == stored.substr(1250 * KeyFilter::kBlockBytes));
}

TEST_CASE("Of what is being merged, a key is searched for once", "[key_index]") {
  KeySource source(11);
  KeyIndexUnderTest index(kLargeRowsMax);
  const auto growing = [&] {
    return index.Query(
        "SELECT count(*) FROM key_part WHERE run IN (SELECT id FROM key_run WHERE "
        "state = 1)");
  };
  int looked = 0;
  for (int commit = 0; commit < 200 && looked < 10; ++commit) {
    CommitLarge(&source, &index);
    if (growing() == 0) continue;
    ++looked;
    // In this process, and in the next, which has only whole parts.
    REQUIRE(index.WrongAnywhere() == "");
    REQUIRE(index.Reopen().ok());
    REQUIRE(index.WrongAnywhere() == "");
  }
  CHECK(looked == 10);
}

TEST_CASE("The key index can be read by a person", "[key_index]") {
  KeyIndexUnderTest index(4);
  index.Commit({{1 << 16, 1}, {2 << 16, 2}, {3 << 16, 4}}, 5);
  CHECK(index.Query("SELECT count(*) FROM key_runs") == 1);
  CHECK(index.connection()
            ->QueryText("SELECT run || ' ' || level || ' ' || state || ' ' || first_seq || ' ' || "
                        "last_seq || ' ' || entries || ' ' || parts || ' ' || pages FROM key_runs")
            .value() == "1 0 whole 1 5 3 1 1");
  CHECK(index.Query("SELECT bytes FROM key_runs") == 8144 + 64);
  // Everything that is there is explained, and nothing else.
  const char* const kThere =
      "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name LIKE 'key%' "
      "UNION ALL SELECT o.name || '.' || c.name, 'column' FROM sqlite_schema AS o, "
      "pragma_table_xinfo(o.name) AS c WHERE o.type IN ('table', 'view') AND o.name LIKE 'key%'";
  const char* const kExplained = "SELECT name, kind FROM about WHERE name LIKE 'key%'";
  CHECK(index.Query(std::string("SELECT count(*) FROM (") + kThere + ")") > 30);
  for (const auto& [left, right] : {std::pair(kThere, kExplained), std::pair(kExplained, kThere)}) {
    CHECK(index.Query(std::string("SELECT count(*) FROM (SELECT * FROM (") + left +
                      ") EXCEPT SELECT * FROM (" + right + "))") == 0);
  }
}

}  // namespace
}  // namespace retailsync::testing
