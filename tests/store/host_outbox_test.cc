// Changes in the host's own transaction.
#include "retailsync/store/host_outbox.h"

#include <fmt/format.h>

#include <filesystem>

#include "store/raw_database.h"
#include "store/rows.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

using Catch::Matchers::Contains;
using Lines = std::vector<std::string>;

model::v1::Change MakeChange(const std::string& id) {
  model::v1::Change change;
  change.set_id(id);
  change.set_source("host");
  change.set_subject("C-1");
  change.set_operation(model::v1::OPERATION_DELETE);
  change.mutable_entity()->mutable_customer()->set_number("C-1");
  return change;
}

// A host with a table of its own.
class Host {
 public:
  Host() : database_(path()) {
    database_.Execute("PRAGMA journal_mode = WAL; CREATE TABLE sale(number TEXT)");
    REQUIRE(store::PrepareHostOutbox(database_.get()).ok());
  }

  std::string path() const { return directory_.File("host.db"); }
  RawDatabase& database() { return database_; }
  absl::Status Enqueue(const std::string& id) {
    return store::EnqueueChange(database_.get(), MakeChange(id));
  }
  // The change ids that are there.
  std::vector<std::string> Left() {
    return database_.Query("SELECT change_id FROM retailsync_outbox ORDER BY position");
  }
  // As it was when no more than so many had been enqueued.
  void GoBack(int enqueued) {
    database_.Execute(
        fmt::format("DELETE FROM retailsync_outbox WHERE position > {0}; "
                    "UPDATE sqlite_sequence SET seq = {0}",
                    enqueued));
  }
  std::unique_ptr<Source> Open() {
    auto source = store::OpenHostOutbox(path());
    REQUIRE(source.ok());
    return *std::move(source);
  }

 private:
  TempDirectory directory_;
  RawDatabase database_;
};

Lines Ids(const absl::StatusOr<PollResponse>& response) {
  REQUIRE(response.ok());
  Lines ids;
  for (const model::v1::Change& change : response->changes) {
    ids.push_back(change.id());
  }
  return ids;
}

TEST_CASE("A change commits with the host's write, or not at all", "[outbox]") {
  Host host;
  const auto source = host.Open();
  host.database().Execute("BEGIN; INSERT INTO sale VALUES ('S1')");
  REQUIRE(host.Enqueue("1").ok());
  CHECK(Ids(source->Poll({})).empty());
  host.database().Execute("COMMIT");
  const auto response = source->Poll({});
  CHECK(Ids(response) == Lines{"1"});
  CHECK(response->changes[0].SerializeAsString() == MakeChange("1").SerializeAsString());

  host.database().Execute("BEGIN; INSERT INTO sale VALUES ('S2')");
  REQUIRE(host.Enqueue("2").ok());
  host.database().Execute("ROLLBACK");
  REQUIRE(host.Enqueue("3").ok());  // without a transaction it commits by itself
  CHECK(Ids(source->Poll({.cursor = response->next_cursor})) == Lines{"3"});
  CHECK(host.database().Query("SELECT number FROM sale") == Lines{"S1"});
}

TEST_CASE("A host that crashes before its commit has told nothing", "[outbox]") {
  const TempDirectory directory;
  const std::string path = directory.File("host.db");
  CHECK(InChild([&] {
          RawDatabase database(path);
          database.Execute("PRAGMA journal_mode = WAL; CREATE TABLE sale(number TEXT)");
          std::string text = store::PrepareHostOutbox(database.get()).ToString();
          database.Execute("BEGIN; INSERT INTO sale VALUES ('S1')");
          text += store::EnqueueChange(database.get(), MakeChange("1")).ToString();
          database.Execute("COMMIT; BEGIN; INSERT INTO sale VALUES ('S2')");
          text += store::EnqueueChange(database.get(), MakeChange("2")).ToString();
          fflush(nullptr);
          const ssize_t ignored = write(STDERR_FILENO, "", 0);
          static_cast<void>(ignored);
          _exit(text == "OKOKOK" ? 0 : 1);
          return text;
        }) == "");
  auto source = store::OpenHostOutbox(path);
  REQUIRE(source.ok());
  CHECK(Ids((*source)->Poll({})) == Lines{"1"});
  CHECK(RawDatabase(path).Query("SELECT number FROM sale") == Lines{"S1"});
}

TEST_CASE("A change that is refused leaves the host's transaction alone", "[outbox]") {
  Host host;
  REQUIRE(host.Enqueue("1").ok());
  host.database().Execute("BEGIN; INSERT INTO sale VALUES ('S1')");
  const absl::Status twice = host.Enqueue("1");
  CHECK(absl::IsAlreadyExists(twice));
  CHECK_THAT(std::string(twice.message()), Contains("\"1\"") && Contains("already"));
  model::v1::Change invalid = MakeChange("2");
  invalid.clear_subject();
  const absl::Status refused = store::EnqueueChange(host.database().get(), invalid);
  CHECK(absl::IsInvalidArgument(refused));
  CHECK_THAT(std::string(refused.message()), Contains("subject"));
  REQUIRE(host.Enqueue("3").ok());
  host.database().Execute("COMMIT");
  CHECK(host.database().Query("SELECT number FROM sale") == Lines{"S1"});
  CHECK(Ids(host.Open()->Poll({})) == Lines{"1", "3"});
}

TEST_CASE("A database that is locked is not one without an outbox", "[outbox]") {
  Host host;
  host.database().Execute("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE");
  RawDatabase other(host.path());  // has not read the schema yet
  CHECK(absl::IsUnavailable(store::EnqueueChange(other.get(), MakeChange("1"))));
  host.database().Execute("COMMIT; BEGIN IMMEDIATE");
  CHECK(absl::IsUnavailable(store::EnqueueChange(other.get(), MakeChange("1"))));
  host.database().Execute("COMMIT");
  CHECK(store::EnqueueChange(other.get(), MakeChange("1")).ok());
}

TEST_CASE("A change that is too large for the host's connection is refused", "[outbox]") {
  Host host;
  sqlite3_limit(host.database().get(), SQLITE_LIMIT_LENGTH, 1000);
  model::v1::Change change = MakeChange("1");
  change.set_dataschema(std::string(5000, 'x'));
  const absl::Status status = store::EnqueueChange(host.database().get(), change);
  CHECK(absl::IsInvalidArgument(status));
  CHECK_THAT(std::string(status.message()), Contains("too big"));
  CHECK(host.Enqueue("2").ok());
  CHECK(host.Left() == Lines{"2"});
}

TEST_CASE("An outbox is the host's own, not that of a database it attached", "[outbox]") {
  const TempDirectory directory;
  RawDatabase host(directory.File("host.db"));
  host.Execute("ATTACH '" + directory.File("archive.db") + "' AS archive");
  host.Execute(
      "CREATE TABLE archive.retailsync_outbox(position INTEGER PRIMARY KEY, change_id, change)");
  host.Execute("CREATE TEMP TABLE retailsync_outbox AS SELECT * FROM archive.retailsync_outbox");
  CHECK(absl::IsFailedPrecondition(store::EnqueueChange(host.get(), MakeChange("1"))));
  REQUIRE(store::PrepareHostOutbox(host.get()).ok());
  REQUIRE(store::EnqueueChange(host.get(), MakeChange("1")).ok());
  CHECK(host.Query("SELECT change_id FROM main.retailsync_outbox") == Lines{"1"});
  CHECK(host.Query("SELECT 1 FROM archive.retailsync_outbox, temp.retailsync_outbox").empty());
  const auto source = store::OpenHostOutbox(directory.File("host.db"));
  REQUIRE(source.ok());
  CHECK(Ids((*source)->Poll({})) == Lines{"1"});
}

TEST_CASE("A host that has its changes counted enqueues", "[outbox]") {
  Host host;
  host.database().Execute("PRAGMA count_changes = ON");
  CHECK(host.Enqueue("1").ok());
  CHECK(Ids(host.Open()->Poll({})) == Lines{"1"});
}

TEST_CASE("What was acknowledged is gone; what was not is told again", "[outbox]") {
  Host host;
  for (int i = 1; i <= 5; ++i) {
    REQUIRE(host.Enqueue(std::to_string(i)).ok());
  }
  std::string cursor;
  {
    const auto source = host.Open();
    const auto page = source->Poll({.cursor = {}, .changes_max = 2});
    CHECK(Ids(page) == Lines{"1", "2"});
    CHECK(page->more);
    CHECK(Ids(source->Poll({.cursor = {}, .changes_max = 2})) == Lines{"1", "2"});
    source->Acknowledge(page->next_cursor);
    source->Acknowledge(page->next_cursor);
    cursor = page->next_cursor;
    CHECK(host.database().Query("SELECT change_id FROM retailsync_outbox") == Lines{"3", "4", "5"});
    CHECK(Ids(source->Poll({.cursor = cursor, .changes_max = 3})) == Lines{"3", "4", "5"});
  }
  const auto source = host.Open();
  const auto rest = source->Poll({.cursor = cursor, .changes_max = 3});
  CHECK(Ids(rest) == Lines{"3", "4", "5"});
  CHECK_FALSE(rest->more);
  source->Acknowledge(rest->next_cursor);
  CHECK(host.database().Query("SELECT change_id FROM retailsync_outbox").empty());
  const auto nothing = source->Poll({.cursor = rest->next_cursor});
  CHECK(Ids(nothing).empty());
  CHECK(nothing->next_cursor == rest->next_cursor);
  // Positions are not used again, so the cursor stays behind what comes now. An id may be.
  REQUIRE(host.Enqueue("1").ok());
  CHECK(Ids(source->Poll({.cursor = rest->next_cursor})) == Lines{"1"});
}

TEST_CASE("An acknowledgement never removes what was not told", "[outbox]") {
  Host host;
  REQUIRE(host.Enqueue("1").ok());
  REQUIRE(host.Enqueue("2").ok());
  const auto source = host.Open();
  const auto page = source->Poll({.cursor = {}, .changes_max = 1});
  const std::string origin = page->next_cursor.substr(0, page->next_cursor.find(':'));
  source->Acknowledge(origin + ":1000");
  source->Acknowledge("nonsense");
  source->Acknowledge("another:1000");
  source->Acknowledge(page->next_cursor + "0");
  // None of these was ever given.
  CHECK(host.Left() == Lines{"1", "2"});
  source->Acknowledge(page->next_cursor);
  CHECK(host.Left() == Lines{"2"});
}

TEST_CASE("An outbox that came back from a backup tells all that was enqueued since", "[outbox]") {
  Host host;
  for (const char* id : {"1", "2", "3"}) REQUIRE(host.Enqueue(id).ok());
  auto source = host.Open();
  const auto before = source->Poll({});
  const bool was_acknowledged = GENERATE(true, false);
  if (was_acknowledged) source->Acknowledge(before->next_cursor);
  // It came from before these three, and goes on before it is read again.
  host.GoBack(0);
  const int enqueued = GENERATE(1, 2, 3, 4, 7);
  const int page_max = GENERATE(1, 2, 3, 100);
  const bool is_new = GENERATE(true, false);  // the connector, or it has its file changed under it
  CAPTURE(was_acknowledged, enqueued, page_max, is_new);
  Lines all;
  for (int i = 1; i <= enqueued; ++i) {
    all.push_back(fmt::format("new {}", i));
    REQUIRE(host.Enqueue(all.back()).ok());
  }
  if (is_new) source = host.Open();
  source->Acknowledge(before->next_cursor);
  CHECK(host.Left() == all);
  const auto lost = source->Poll({.cursor = before->next_cursor, .changes_max = page_max});
  REQUIRE(lost.ok());
  const auto ahead = source->Poll({.cursor = lost->next_cursor, .changes_max = page_max});
  // The commit of these failed, so that the engine has the old cursor still, and says so.
  source->Acknowledge(before->next_cursor);
  CHECK(host.Left() == all);
  Lines told;
  std::string cursor = before->next_cursor;
  for (bool more = true; more;) {
    const auto page = source->Poll({.cursor = cursor, .changes_max = page_max});
    for (const std::string& id : Ids(page)) told.push_back(id);
    more = page->more;
    cursor = page->next_cursor;
    source->Acknowledge(cursor);
    CHECK(told.size() + host.Left().size() == all.size());
  }
  CHECK(told == all);
  CHECK(host.Left().empty());
  CHECK(Ids(source->Poll({.cursor = cursor})).empty());
}

TEST_CASE("A backup that has what was told already is read on from there", "[outbox]") {
  Host host;
  for (const char* id : {"1", "2", "3"}) REQUIRE(host.Enqueue(id).ok());
  auto source = host.Open();
  const auto page = source->Poll({.cursor = {}, .changes_max = 2});
  host.GoBack(2);
  REQUIRE(host.Enqueue("4").ok());
  const auto next = source->Poll({.cursor = page->next_cursor});
  CHECK(Ids(next) == Lines{"4"});
  // A new process clears away what the old one was not to forget any more.
  host.Open()->Acknowledge(page->next_cursor);
  CHECK(host.Left() == Lines{"4"});
  source->Acknowledge(next->next_cursor);
  CHECK(host.Left().empty());
}

// The host's database, closed.
void Enqueue(const std::string& path, const std::string& id) {
  RawDatabase host(path);
  REQUIRE(store::PrepareHostOutbox(host.get()).ok());
  REQUIRE(store::EnqueueChange(host.get(), MakeChange(id)).ok());
}

TEST_CASE("A file that is brought back under an open source hides nothing and loses nothing",
          "[outbox]") {
  const TempDirectory directory;
  const std::string path = directory.File("host.db");
  const std::string backup = directory.File("backup.db");
  const std::string journal_mode = GENERATE("DELETE", "WAL");
  const bool is_renamed = GENERATE(true, false);  // or copied over what was there
  const bool is_acknowledged = GENERATE(true, false);
  CAPTURE(journal_mode, is_renamed, is_acknowledged);
  RawDatabase(path).Execute("PRAGMA journal_mode = " + journal_mode);
  Enqueue(path, "1");
  Enqueue(path, "2");
  std::filesystem::copy_file(path, backup);
  Enqueue(path, "3");
  auto source = store::OpenHostOutbox(path);
  REQUIRE(source.ok());
  const auto first = (*source)->Poll({.cursor = {}, .changes_max = 1});
  (*source)->Acknowledge(first->next_cursor);
  const auto rest = (*source)->Poll({.cursor = first->next_cursor});
  CHECK(Ids(rest) == Lines{"2", "3"});
  if (is_renamed) {
    std::filesystem::rename(backup, path);
  } else {
    std::filesystem::copy_file(backup, path, std::filesystem::copy_options::overwrite_existing);
  }
  Enqueue(path, "new 3");
  if (is_acknowledged) (*source)->Acknowledge(rest->next_cursor);
  CHECK(Ids((*source)->Poll({.cursor = rest->next_cursor})) == Lines{"1", "2", "new 3"});
  // What was read before is in this file too.
  (*source)->Acknowledge(first->next_cursor);
  CHECK(RawDatabase(path).Query("SELECT change_id FROM retailsync_outbox") == Lines{"2", "new 3"});
  CHECK(RawDatabase(path).Query("PRAGMA integrity_check") == Lines{"ok"});
}

TEST_CASE("A cursor of an older version goes on where it was", "[outbox]") {
  Host host;
  for (const char* id : {"1", "2", "3"}) REQUIRE(host.Enqueue(id).ok());
  auto source = host.Open();
  const std::string given = source->Poll({.cursor = {}, .changes_max = 2})->next_cursor;
  const std::string old = given.substr(0, given.find('-'));
  REQUIRE(old.size() < given.size());
  const auto next = source->Poll({.cursor = old});
  CHECK(Ids(next) == Lines{"3"});
  source->Acknowledge(old);
  CHECK(host.Left() == Lines{"1", "2", "3"});
  source->Acknowledge(next->next_cursor);
  CHECK(host.Left().empty());
  REQUIRE(host.Enqueue("4").ok());
  CHECK(Ids(source->Poll({.cursor = old})) == Lines{"4"});
}

TEST_CASE("An outbox that was made anew is read from its beginning", "[outbox]") {
  Host old_host;
  for (int i = 1; i <= 3; ++i) {
    REQUIRE(old_host.Enqueue(std::to_string(i)).ok());
  }
  const std::string cursor = old_host.Open()->Poll({})->next_cursor;
  Host new_host;
  for (int i = 4; i <= 8; ++i) {
    REQUIRE(new_host.Enqueue(std::to_string(i)).ok());
  }
  CHECK(Ids(new_host.Open()->Poll({.cursor = cursor})) == Lines{"4", "5", "6", "7", "8"});
  // A backup has the same origin but has not come as far.
  old_host.database().Execute("DELETE FROM retailsync_outbox; UPDATE sqlite_sequence SET seq = 1");
  REQUIRE(old_host.Enqueue("9").ok());
  CHECK(Ids(old_host.Open()->Poll({.cursor = cursor})) == Lines{"9"});
}

TEST_CASE("It is read while the host writes", "[outbox]") {
  Host host;
  REQUIRE(host.Enqueue("1").ok());
  const auto source = host.Open();
  host.database().Execute("BEGIN IMMEDIATE");
  REQUIRE(host.Enqueue("2").ok());
  CHECK(Ids(source->Poll({})) == Lines{"1"});
  host.database().Execute("COMMIT");
  CHECK(Ids(source->Poll({})) == Lines{"1", "2"});
}

TEST_CASE("A page is never larger than asked for or than declared", "[outbox]") {
  Host host;
  host.database().Execute("BEGIN");
  for (int i = 1; i <= 1500; ++i) {
    REQUIRE(host.Enqueue(std::to_string(i)).ok());
  }
  host.database().Execute("COMMIT");
  const auto source = host.Open();
  const auto page_max = static_cast<size_t>(source->Capabilities().page_changes_max);
  CHECK(Ids(source->Poll({.cursor = {}, .changes_max = 7})).size() == 7);
  const auto page = source->Poll({.cursor = {}, .changes_max = 100'000});
  CHECK(Ids(page).size() == page_max);
  CHECK(page->more);
  const auto rest = source->Poll({.cursor = page->next_cursor, .changes_max = 100'000});
  CHECK(Ids(rest).size() == 1500 - page_max);
  CHECK_FALSE(rest->more);
  CHECK(absl::IsInvalidArgument(source->Poll({.cursor = {}, .changes_max = 0}).status()));
  CHECK(absl::IsInvalidArgument(source->Poll({.cursor = "nonsense"}).status()));
}

TEST_CASE("A row that cannot be read is set aside, with its content", "[outbox]") {
  Host host;
  REQUIRE(host.Enqueue("1").ok());
  host.database().Execute(
      "INSERT INTO retailsync_outbox(change_id, change) VALUES ('bad', x'ffffff')");
  REQUIRE(host.Enqueue("2").ok());
  const auto page = host.Open()->Poll({});
  CHECK(Ids(page) == Lines{"1", "2"});
  REQUIRE(page->rejects.size() == 1);
  CHECK(page->rejects[0].id == "bad");
  CHECK(page->rejects[0].raw == "\xff\xff\xff");
  CHECK_THAT(page->rejects[0].reason, Contains("change"));
}

TEST_CASE("Preparing is repeatable and part of the host's transaction", "[outbox]") {
  Host host;
  REQUIRE(host.Enqueue("1").ok());
  REQUIRE(store::PrepareHostOutbox(host.database().get()).ok());
  CHECK(Ids(host.Open()->Poll({})) == Lines{"1"});

  const TempDirectory directory;
  RawDatabase database(directory.File("host.db"));
  CHECK(absl::IsFailedPrecondition(store::OpenHostOutbox(directory.File("host.db")).status()));
  const absl::Status unprepared = store::EnqueueChange(database.get(), MakeChange("1"));
  CHECK(absl::IsFailedPrecondition(unprepared));
  CHECK_THAT(std::string(unprepared.message()), Contains("PrepareHostOutbox"));
  database.Execute("BEGIN");
  REQUIRE(store::PrepareHostOutbox(database.get()).ok());
  database.Execute("ROLLBACK");
  CHECK(database.Query("SELECT name FROM sqlite_schema").empty());
  CHECK_FALSE(store::OpenHostOutbox(directory.File("missing.db")).ok());
}

}  // namespace
}  // namespace retailsync::testing
