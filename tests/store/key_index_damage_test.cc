// Whatever is damaged, the key index says so or is right; and it can be made again.
#include <fstream>
#include <functional>

#include "store/key_index_under_test.h"

namespace retailsync::testing {
namespace {

using Catch::Matchers::Contains;

constexpr int kWhole = 2;
constexpr int kGrowing = 1;

// The pages of a run of this state, of the highest level that has one.
std::vector<uint64_t> PagesOf(KeyIndexUnderTest& index, int state) {
  auto run = index.connection()->Prepare(
      "SELECT pages FROM key_part WHERE run = (SELECT id FROM key_run WHERE state = ? "
      "ORDER BY level DESC LIMIT 1)");
  Require(run.status());
  run->Bind(1, state);
  std::vector<uint64_t> pages;
  while (run->Next()) {
    const std::string_view bytes = run->Blob(0);
    for (size_t i = 0; i < bytes.size(); i += 8) {
      pages.push_back(store::sqlite::LoadNumber<uint64_t>(bytes.data() + i));
    }
  }
  return pages;
}

// A few runs: of three levels, one of them of many pages, and a merge that is under way.
class DamagedIndex {
 public:
  DamagedIndex() : index_(400) {
    KeySource source(11);
    do {
      const uint64_t first = index_.last_seq() + 1;
      index_.Commit(source.Rows(first, first + 99, 4), first + 99);
    } while (index_.Query("SELECT max(level) FROM key_run WHERE state = 2") < 2 ||
             index_.Query("SELECT count(*) FROM key_run WHERE state = 2") < 5 ||
             index_.Query("SELECT count(*) FROM key_run WHERE state = 1") < 1 ||
             index_.Query("SELECT (SELECT max(last_seq) FROM key_run WHERE state = 1) = "
                          "(SELECT max(last_seq) FROM key_run)") == 1);
    kept_ = index_.Keep();
    REQUIRE(index_.WrongAnywhere() == "");
  }
  KeyIndexUnderTest* operator->() { return &index_; }

  // What the index says after `damage` and a restart: empty when it finds all there is.
  std::string Say(const std::function<void()>& damage) {
    damage();
    absl::Status status = index_.Reopen();
    if (status.ok()) {
      std::vector<uint64_t> hashes;
      for (const KeyEntry& entry : index_.journal()) {
        hashes.push_back(entry.hash);
      }
      std::vector<KeyMatch> matches;
      status = index_->Find(hashes, &matches);
      if (status.ok()) {
        REQUIRE(index_.WrongAnywhere() == "");
      } else {
        REQUIRE(matches.empty());
      }
    }
    return status.ok() ? "" : status.ToString();
  }
  // As it was before any damage.
  void Undo() { REQUIRE(index_.Restore(kept_).ok()); }

  // Changes the value of a column in one row.
  void Change(const std::string& table, const std::string& column, const std::string& where,
              const std::function<void(std::string*)>& change) {
    std::string value;
    {
      auto run = index_.connection()->Prepare("SELECT " + column + " FROM " + table + where);
      Require(run.status());
      REQUIRE(run->Next());
      value = std::string(run->Blob(0));
    }
    change(&value);
    auto run = index_.connection()->Prepare("UPDATE " + table + " SET " + column + " = ?" + where);
    Require(run.status());
    run->BindBlob(1, value);
    run->Next();
    Require(run->status("damage"));
  }
  // A key_page.id of a run of this state.
  std::string PageOf(int state) { return std::to_string(PagesOf(state).at(0)); }
  std::vector<uint64_t> PagesOf(int state) { return testing::PagesOf(index_, state); }

 private:
  KeyIndexUnderTest index_;
  std::string kept_;
};

TEST_CASE("I29: a changed byte in a page is found", "[key_index]") {
  DamagedIndex index;
  const std::string page =
      GENERATE_REF(index.PageOf(kWhole), std::to_string(index.PagesOf(kWhole).back()));
  // Of each field of the header, the first entry, one in the middle, and the end.
  const size_t at = GENERATE(0, 3, 4, 8, 16, 24, 32, 36, 40, 2000, 8143);
  const std::string said = index.Say([&] {
    index.Change("key_page", "data", " WHERE id = " + page,
                 [&](std::string* data) { data->at(at) ^= 4; });
  });
  INFO("byte " << at);
  CHECK_THAT(said, Contains("DATA_LOSS") && Contains("keys.db: key_page " + page + " (run ") &&
                       Contains("checksum"));
  // All of it can be made again from the journal.
  REQUIRE(index->ResetAndFeed().ok());
  CHECK(index->WrongAnywhere() == "");
  CHECK(index->Query("SELECT count(*) FROM key_page") < 40);
}

TEST_CASE("I29: a changed byte in a page of what is being merged is found", "[key_index]") {
  KeySource source(11);
  KeyIndexUnderTest index(1200);
  while (PagesOf(index, kGrowing).empty()) {
    const uint64_t first = index.last_seq() + 1;
    index.Commit(source.Rows(first, first + 239, 8), first + 239);
  }
  const std::string page = std::to_string(PagesOf(index, kGrowing)[GENERATE(0, 16, 31)]);
  index.Execute("UPDATE key_page SET data = zeroblob(length(data)) WHERE id = " + page);
  const bool is_reopened = GENERATE(false, true);
  if (is_reopened) REQUIRE(index.Reopen().ok());
  std::vector<uint64_t> hashes;
  for (const KeyEntry& entry : index.journal()) {
    hashes.push_back(entry.hash);
  }
  std::vector<KeyMatch> matches;
  CHECK_THAT(index->Find(hashes, &matches).ToString(),
             Contains("DATA_LOSS") && Contains("keys.db: key_page " + page + " (run "));
  CHECK(matches.empty());
  REQUIRE(index.ResetAndFeed().ok());
  CHECK(index.WrongAnywhere() == "");
}

TEST_CASE("I29: a page that is not what it should be is found", "[key_index]") {
  DamagedIndex index;
  const std::vector<uint64_t> pages = index.PagesOf(kWhole);
  REQUIRE(pages.size() > 2);
  const std::string first = std::to_string(pages[0]);
  const std::string second = std::to_string(pages[1]);
  const std::string after = " WHERE id = " + first;
  CHECK_THAT(index.Say([&] { index->Execute("DELETE FROM key_page" + after); }),
             Contains("key_page " + first) && Contains("it is missing"));
  index.Undo();
  CHECK_THAT(index.Say([&] {
    index->Execute("UPDATE key_page SET data = (SELECT data FROM key_page WHERE id = " + second +
                   ")" + after);
  }),
             Contains("key_page " + first) && Contains("of something else"));
  index.Undo();
  CHECK_THAT(index.Say([&] { index->Execute("UPDATE key_page SET data = x'00'" + after); }),
             Contains("key_page " + first) && Contains("wrong length"));
  index.Undo();
  CHECK_THAT(index.Say([&] {
    index->Execute("DELETE FROM key_page WHERE id >= (SELECT min(" +
                   std::to_string(*std::max_element(pages.begin(), pages.end())) + "))");
  }),
             Contains("DATA_LOSS"));
  index.Undo();
  CHECK_THAT(
      index.Say([&] { index->Execute("UPDATE key_page SET id = 9000000000000000000" + after); }),
      Contains("key_page 9000000000000000000") && Contains("out of range"));
}

TEST_CASE("I29: a changed value in key_run or key_part is found", "[key_index]") {
  DamagedIndex index;
  for (const int state : {kWhole, kGrowing}) {
    const std::string run = std::to_string(
        index->Query("SELECT max(id) FROM key_run WHERE state = " + std::to_string(state)));
    for (const char* column : {"id", "level", "state", "first_seq", "last_seq", "entries",
                               "filter_blocks", "parts", "checksum"}) {
      INFO("key_run." << column);
      CHECK_THAT(index.Say([&] {
        index->Execute(std::string("UPDATE key_run SET ") + column + " = " + column +
                       " + 1 + 1000 * (" + (column == std::string("id") ? "1" : "0") +
                       ") WHERE id = " + run);
      }),
                 Contains("DATA_LOSS") && Contains("keys.db: key_run ") &&
                     Contains("is damaged: its checksum"));
      index.Undo();
    }
  }
  const std::string run = std::to_string(
      index->Query("SELECT id FROM key_run WHERE state = 2 ORDER BY level DESC LIMIT 1"));
  const std::string of_run = " WHERE run = " + run + " AND part = 0";
  for (const char* column : {"run", "part", "last_key", "last_seq", "first_block", "checksum"}) {
    INFO("key_part." << column);
    CHECK_THAT(index.Say([&] {
      index->Execute(std::string("UPDATE key_part SET ") + column + " = " + column + " + 1000" +
                     of_run);
    }),
               Contains("DATA_LOSS") && Contains("keys.db: key_"));
    index.Undo();
  }
  for (const char* column : {"pages", "first_keys", "filter"}) {
    INFO("key_part." << column);
    for (const bool longer : {false, true}) {
      CHECK_THAT(index.Say([&] {
        index.Change("key_part", column, of_run, [&](std::string* value) {
          longer ? value->append(64, 'x') : value->erase(0, 1).insert(0, 1, 'x');
        });
      }),
                 Contains("keys.db: key_part " + run + "/0 is damaged: its checksum"));
      index.Undo();
    }
  }
}

TEST_CASE("I29: a missing row is found, or the journal takes its place", "[key_index]") {
  DamagedIndex index;
  const auto say = [&](const std::string& sql) {
    index.Undo();
    return index.Say([&] { index->Execute(sql); });
  };
  CHECK_THAT(say("DELETE FROM key_run WHERE first_seq = 1 AND state = 2"),
             Contains("the run before it is missing"));
  CHECK_THAT(say("DELETE FROM key_part WHERE run = (SELECT max(id) FROM key_run WHERE state = 2)"),
             Contains("key_run") && Contains("not all of its parts"));
  CHECK_THAT(say("DELETE FROM key_run WHERE id = (SELECT id FROM key_run WHERE state = 2 "
                 "ORDER BY first_seq LIMIT 1 OFFSET 1)"),
             Contains("is missing") || Contains("not made of the runs there are"));
  // What was going on is begun again, the newest run is made again.
  CHECK(say("DELETE FROM key_run WHERE state = 1") == "");
  CHECK(say("DELETE FROM key_part WHERE run = (SELECT max(id) FROM key_run WHERE state = 1)") ==
        "");
  CHECK(say("DELETE FROM key_run WHERE state = 2 AND last_seq = (SELECT max(last_seq) "
            "FROM key_run)") == "");
  CHECK(say("DELETE FROM key_run; DELETE FROM key_part") == "");
  CHECK(index->WrongAnywhere() == "");
}

TEST_CASE("I29: a changed byte anywhere in the file gives no wrong answer", "[key_index]") {
  DamagedIndex index;
  KeySource source(13);
  int found = 0;
  for (int round = 0; round < 20; ++round) {
    index.Undo();
    index->Execute("PRAGMA wal_checkpoint(TRUNCATE)");
    const std::string path = index->path();
    const std::string said = index.Say([&] {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      const uint64_t at = 8192 * 16 + source.Below(std::filesystem::file_size(path) - 8192 * 16);
      file.seekg(static_cast<std::streamoff>(at));
      const char byte = static_cast<char>(file.get() ^ (1 << source.Below(8)));
      file.seekp(static_cast<std::streamoff>(at));
      file.put(byte);
    });
    found += said.empty() ? 0 : 1;
  }
  CHECK(found > 3);
}

TEST_CASE("A reset that is rolled back leaves everything", "[key_index]") {
  KeySource source(8);
  KeyIndexUnderTest index(20);
  for (int commit = 0; commit < 30; ++commit) {
    const uint64_t first = index.last_seq() + 1;
    index.Commit(source.Rows(first, first + 9, 3), first + 9);
  }
  {
    Transaction transaction(index.connection(), Transaction::Kind::kWrite);
    REQUIRE(transaction.Begin() == SQLITE_OK);
    REQUIRE(index->Reset().ok());
    CHECK(index->indexed_through() == 0);
    REQUIRE(index->Add(source.Rows(1, 100, 3), 100).ok());
    CHECK(index.Query("SELECT count(*) FROM key_run") > 0);
  }
  index->RolledBack();
  CHECK(index->indexed_through() == 300);
  CHECK(index.WrongAnywhere() == "");
  REQUIRE(index.ResetAndFeed().ok());
  CHECK(index.WrongAnywhere() == "");
  index.Commit(source.Rows(301, 400, 3), 400);
  REQUIRE(index.Reopen().ok());
  CHECK(index.WrongAnywhere() == "");
}

}  // namespace
}  // namespace retailsync::testing
