// The store kit passes the stores of the tree, and catches each wrong store by the name of the
// check it breaks.
#include <fmt/format.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <filesystem>
#include <set>

#include "retailsync/store/memory_store.h"
#include "retailsync/store/sqlite_store.h"
#include "retailsync/testing/catch2.h"
#include "retailsync/testing/store_kit.h"
#include "support/catch.h"
#include "testing/kit_wrong_stores.h"

namespace retailsync::testing {
namespace {

namespace fs = std::filesystem;

// SQLite stores in a folder of their own, one after the other.
class SqlitePlaces {
 public:
  SqlitePlaces() {
    root_ = (fs::temp_directory_path() / "kit_store_test.XXXXXX").string();
    if (mkdtemp(root_.data()) == nullptr) abort();
  }
  ~SqlitePlaces() { fs::remove_all(root_); }

  StoreSubject Subject(const store::SqliteOptions& options = {}) {
    StoreSubject subject;
    subject.open_new = [this, options] {
      fs::remove_all(Folder());
      ++place_;
      fs::create_directory(Folder());
      return store::OpenSqlite(Path(), options);
    };
    subject.reopen = [this, options] { return store::OpenSqlite(Path(), options); };
    // What a killed process would have left, put where the store was.
    subject.crash = [this](std::unique_ptr<Store> store) {
      const std::string left = root_ + "/left";
      fs::copy(Folder(), left);
      store.reset();
      fs::remove_all(Folder());
      fs::rename(left, Folder());
    };
    subject.fill_up = [this](bool full) {
      signal(SIGXFSZ, SIG_IGN);
      rlimit limit;
      getrlimit(RLIMIT_FSIZE, &limit);
      uintmax_t size = 0;
      for (const auto& file : fs::directory_iterator(Folder())) {
        size = std::max(size, file.file_size());
      }
      limit.rlim_cur = full ? size + 64 * 1024 : limit.rlim_max;
      return setrlimit(RLIMIT_FSIZE, &limit) == 0;
    };
    subject.damage = [this](const WriteBatch& row) {
      sqlite3* raw = nullptr;
      const std::string sql = DamageOf(row);
      const bool damaged = sqlite3_open(Path().c_str(), &raw) == SQLITE_OK &&
                           sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK &&
                           sqlite3_changes(raw) == 1;
      sqlite3_close(raw);
      return damaged;
    };
    return subject;
  }

 private:
  std::string Folder() const { return fmt::format("{}/{}", root_, place_); }
  std::string Path() const { return Folder() + "/sync.db"; }

  static std::string DamageOf(const WriteBatch& row) {
    for (const JournalRow& one : row.journal) {
      return fmt::format("UPDATE journal SET payload = x'00' WHERE seq = {}", one.seq);
    }
    for (const RecordRow& one : row.records) {
      return fmt::format("UPDATE record SET provenance = x'00' WHERE id = {}", one.id);
    }
    for (const LinkRow& one : row.links) {
      return fmt::format("UPDATE link SET checksum = checksum + 1 WHERE external_id = '{}'",
                         one.external_id);
    }
    for (const LaneRow& one : row.lanes) {
      return fmt::format("UPDATE lane SET note = 'x' WHERE target = {} AND record = {}", one.target,
                         one.record);
    }
    for (const DeadLetterRow& one : row.dead_letters) {
      return fmt::format("UPDATE dead_letter SET message = 'x' WHERE id = {}", one.id);
    }
    for (const NameRow& one : row.names) {
      return fmt::format("UPDATE name SET name = 'x' WHERE id = {}", one.id);
    }
    for (const StreamRow& one : row.streams) {
      return fmt::format("UPDATE stream SET ready = ready + 1 WHERE id = {}", one.id);
    }
    for (const CursorRow& one : row.cursors) {
      return fmt::format("UPDATE cursor SET cursor = 'x' WHERE system = {}", one.system);
    }
    return "";
  }

  std::string root_;
  int place_ = 0;
};

TEST_CASE("The memory store conforms", "[kit]") {
  const KitReport report = CheckStore({.open_new = [] { return store::OpenMemory(); }});
  catch2::ExpectConforms(report);
  CHECK(report.Find("survives-reopening")->verdict == Verdict::kSkipped);
}

TEST_CASE("The SQLite store conforms, and nothing is skipped of it", "[kit]") {
  store::SqliteOptions options;
  SECTION("alone") {}
  SECTION("with an executor") {
    // Which makes nothing of what it is given: whoever waits for it does.
    options.executor = [](const std::function<void()>&) {};
  }
  SqlitePlaces places;
  const KitReport report = CheckStore(places.Subject(options));
  catch2::ExpectConforms(report);
  for (const CheckResult& check : report.checks) {
    CAPTURE(std::string(check.name));
    CHECK(check.verdict == Verdict::kPassed);
  }
}

// Memory stores that are reopened, crash and have troubles, spoilt or not.
class SpoiltPlaces {
 public:
  explicit SpoiltPlaces(const WrongStore* wrong) : wrong_(*wrong) {}

  StoreSubject Subject() {
    StoreSubject subject;
    subject.open_new = [this] {
      medium_ = Medium();
      right_ = store::OpenMemory();
      spoiling_ = wrong_.spoil();
      return MakeSpoiltStore(right_.get(), &spoiling_, &medium_);
    };
    subject.reopen = [this]() -> absl::StatusOr<std::unique_ptr<Store>> {
      if (medium_.open > 0 && wrong_.has_one_writer) {
        return absl::FailedPreconditionError("another one has it open");
      }
      const bool survives = crashed_ ? wrong_.survives_a_crash : wrong_.survives_reopening;
      if (!survives) right_ = store::OpenMemory();
      crashed_ = false;
      return MakeSpoiltStore(right_.get(), &spoiling_, &medium_);
    };
    subject.crash = [this](std::unique_ptr<Store> store) {
      store.reset();
      crashed_ = true;
    };
    subject.fill_up = [this](bool full) {
      medium_.full = full;
      return true;
    };
    subject.damage = [this](const WriteBatch& row) {
      medium_.damaged = row;
      return true;
    };
    subject.random_commits = 60;
    return subject;
  }

 private:
  const WrongStore& wrong_;
  std::unique_ptr<Store> right_;
  Spoiling spoiling_;
  Medium medium_;
  bool crashed_ = false;
};

TEST_CASE("A spoilt store that is not spoilt conforms", "[kit]") {
  const bool commits_beside = GENERATE(false, true);
  const WrongStore right{"", {}, [=] { return Spoiling{.commits_beside = commits_beside}; }};
  SpoiltPlaces places(&right);
  const KitReport report = CheckStore(places.Subject());
  INFO(report.Text());
  for (const CheckResult& check : report.checks) {
    CAPTURE(std::string(check.name));
    CHECK(check.verdict == Verdict::kPassed);
  }
}

TEST_CASE("Each wrong store is caught by name", "[kit]") {
  std::set<std::string> caught{"opens"};  // below
  for (const WrongStore& wrong : WrongStores()) {
    SpoiltPlaces places(&wrong);
    const KitReport report = CheckStore(places.Subject());
    std::vector<std::string> expected = wrong.caught;
    std::sort(expected.begin(), expected.end());
    std::vector<std::string> failed = report.Failed();
    std::sort(failed.begin(), failed.end());
    INFO("a store that " << wrong.what << "\n" << report.Text());
    CHECK(fmt::format("{}", fmt::join(failed, " ")) == fmt::format("{}", fmt::join(expected, " ")));
    caught.insert(wrong.caught.front());
  }
  for (const Check& check : kStoreChecks) {
    INFO(check.name << " is broken by no store");
    CHECK(caught.contains(std::string(check.name)));
  }
}

TEST_CASE("A store that does not open is caught by name", "[kit]") {
  const KitReport report =
      CheckStore({.open_new = [] { return absl::UnavailableError("its folder is gone"); }});
  CHECK(report.Failed() == std::vector<std::string>{"opens"});
  CHECK(report.Find("opens")->findings.front() ==
        "opening in a new place failed: its folder is gone");
}

// Wherever in the kit it happens, it goes on with the next new store.
TEST_CASE("A store that opens again a few times only is caught by name", "[kit]") {
  for (int times = 1;; ++times) {
    const WrongStore right{"", {}, [] { return Spoiling(); }};
    SpoiltPlaces places(&right);
    StoreSubject subject = places.Subject();
    int reopened = 0;
    subject.reopen = [&, reopen = subject.reopen]() -> absl::StatusOr<std::unique_ptr<Store>> {
      auto store = reopen();
      if (store.ok() && ++reopened >= times) return absl::UnavailableError("its file is locked");
      return store;
    };
    const KitReport report = CheckStore(subject);
    if (reopened < times) break;
    CAPTURE(times);
    INFO(report.Text());
    CHECK(report.Failed() == std::vector<std::string>{"opens"});
  }
}

}  // namespace
}  // namespace retailsync::testing
