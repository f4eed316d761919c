// A key index beside the journal it is of, and beside a multimap that says what it must find.
#ifndef RETAILSYNC_TESTS_STORE_KEY_INDEX_UNDER_TEST_H_
#define RETAILSYNC_TESTS_STORE_KEY_INDEX_UNDER_TEST_H_

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "store/rows.h"
#include "store/sqlite/key_index.h"
#include "store/sqlite/schema_steps.h"
#include "support/catch.h"

namespace retailsync::testing {

using store::sqlite::Connection;
using store::sqlite::KeyEntry;
using store::sqlite::KeyIndex;
using store::sqlite::KeyMatch;
using store::sqlite::Transaction;

inline void Require(const absl::Status& status) {
  if (!status.ok()) {
    throw std::runtime_error(status.ToString());
  }
}

class KeyIndexUnderTest {
 public:
  explicit KeyIndexUnderTest(uint64_t memory_rows_max) : memory_rows_max_(memory_rows_max) {
    Connect(path());
    Require(connection_->Execute("PRAGMA page_size = 8192", "set the page size"));
    Require(connection_->Execute("PRAGMA journal_mode = WAL", "use a log"));
    for (const char* step :
         {store::sqlite::kSchemaStep1, store::sqlite::kSchemaStep2, store::sqlite::kSchemaStep3,
          store::sqlite::kSchemaStep4, store::sqlite::kSchemaStep5}) {
      Require(connection_->Execute(step, "make the schema"));
    }
    Require(Load());
  }

  std::string path() const { return directory_.File("keys.db"); }
  KeyIndex& operator*() { return *index_; }
  KeyIndex* operator->() { return index_.get(); }
  Connection* connection() { return connection_.get(); }
  // What was committed, by seq.
  const std::vector<KeyEntry>& journal() const { return journal_; }
  uint64_t last_seq() const { return last_seq_; }

  absl::Status Load() {
    index_ = std::make_unique<KeyIndex>(connection_.get(), memory_rows_max_);
    if (absl::Status status = index_->Load(); !status.ok()) {
      return status;
    }
    return index_->CanHold(last_seq_) ? HoldTail() : Feed(1000);
  }
  // As if the process had ended and another begun.
  absl::Status Reopen() {
    index_.reset();
    connection_.reset();
    Connect(path());
    return Load();
  }
  // As if the power had gone: only what is in the files.
  absl::Status LosePower() {
    const std::string copy = directory_.File("copy" + std::to_string(++copies_) + ".db");
    std::filesystem::copy_file(path(), copy);
    if (std::filesystem::exists(path() + "-wal")) {
      std::filesystem::copy_file(path() + "-wal", copy + "-wal");
    }
    index_.reset();
    connection_.reset();
    std::filesystem::rename(copy, path());
    if (std::filesystem::exists(copy + "-wal")) {
      std::filesystem::rename(copy + "-wal", path() + "-wal");
    }
    return Reopen();
  }
  // The files as they are, and back to that.
  std::string Keep() {
    const int code = sqlite3_wal_checkpoint_v2(connection_->raw(), nullptr,
                                               SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    if (code != SQLITE_OK) {
      throw std::runtime_error("cannot bring the log home");
    }
    std::string copy = directory_.File("kept" + std::to_string(++copies_) + ".db");
    std::filesystem::copy_file(path(), copy);
    return copy;
  }
  absl::Status Restore(const std::string& copy) {
    index_.reset();
    connection_.reset();
    std::filesystem::remove(path() + "-wal");
    std::filesystem::copy_file(copy, path(), std::filesystem::copy_options::overwrite_existing);
    return Reopen();
  }
  // Everything that is not in the index, from the journal, so many rows a transaction.
  absl::Status Feed(uint64_t rows) {
    for (uint64_t from = index_->indexed_through(); from < last_seq_;) {
      const uint64_t through = std::min(from + rows, last_seq_);
      const auto first = std::partition_point(journal_.begin(), journal_.end(),
                                              [&](const KeyEntry& e) { return e.seq <= from; });
      const auto end = std::partition_point(journal_.begin(), journal_.end(),
                                            [&](const KeyEntry& e) { return e.seq <= through; });
      absl::Status status = Write({first, end}, through, true);
      if (!status.ok()) {
        return status;
      }
      from = through;
    }
    return absl::OkStatus();
  }
  absl::Status ResetAndFeed() {
    {
      Transaction transaction(connection_.get(), Transaction::Kind::kWrite);
      transaction.Begin();
      if (absl::Status status = index_->Reset(); !status.ok()) {
        return status;
      }
      transaction.Commit();
      index_->Committed();
    }
    return Feed(50);
  }

  // Rows after last_seq(), in one transaction.
  void Commit(const std::vector<KeyEntry>& entries, uint64_t last_seq) {
    Require(Write(entries, last_seq, true));
    for (const KeyEntry& entry : entries) {
      journal_.push_back(entry);
      truth_.emplace(entry.hash, entry.seq);
    }
    last_seq_ = last_seq;
  }
  void RollBack(const std::vector<KeyEntry>& entries, uint64_t last_seq) {
    Require(Write(entries, last_seq, false));
  }

  // The first thing that is wrong with what is found for these hashes; empty when nothing is.
  std::string Wrong(const std::vector<uint64_t>& hashes) {
    std::vector<KeyMatch> matches;
    Require(index_->Find(hashes, &matches));
    auto match = matches.begin();
    for (size_t i = 0; i < hashes.size(); ++i) {
      const std::string name = "hash " + std::to_string(hashes[i]);
      std::set<uint64_t> missing;
      for (auto [row, end] = truth_.equal_range(hashes[i]); row != end; ++row) {
        missing.insert(row->second);
      }
      uint64_t before = last_seq_ + 1;
      for (; match != matches.end() && match->index == i; ++match) {
        if (match->seq >= before) {
          return name + " gives the same row twice, or an older one first";
        }
        before = match->seq;
        if (missing.erase(match->seq) == 0 && !HasLikeIt(hashes[i], match->seq)) {
          return name + " gives row " + std::to_string(match->seq) + ", which has nothing like it";
        }
      }
      if (!missing.empty()) {
        return name + " does not give row " + std::to_string(*missing.begin());
      }
    }
    return match == matches.end() ? "" : "a match is of no hash";
  }
  // Of everything that was committed, and of hashes that never were; or of one in `share` of them.
  std::string WrongAnywhere(uint64_t share = 1) {
    std::vector<uint64_t> hashes;
    std::mt19937_64 random(last_seq_);
    for (auto row = truth_.begin(); row != truth_.end(); row = truth_.upper_bound(row->first)) {
      if (random() % share == 0) {
        hashes.push_back(row->first);
        hashes.push_back(row->first ^ (uint64_t{1} << 40));
      }
    }
    std::shuffle(hashes.begin(), hashes.end(), random);
    return Wrong(hashes);
  }

  int64_t Query(const std::string& sql) {
    const auto value = connection_->QueryInt(sql);
    Require(value.status());
    return *value;
  }
  void Execute(const std::string& sql) { Require(connection_->Execute(sql, "run a statement")); }

 private:
  // What a process does that finds little that is in no run.
  absl::Status HoldTail() {
    const uint64_t after = index_->indexed_through();
    const auto first = std::partition_point(journal_.begin(), journal_.end(),
                                            [&](const KeyEntry& e) { return e.seq <= after; });
    const std::vector<KeyEntry> tail(first, journal_.end());
    if (absl::Status status = index_->Hold(tail, last_seq_); !status.ok()) {
      return status;
    }
    Transaction transaction(connection_.get(), Transaction::Kind::kWrite);
    transaction.Begin();
    absl::Status status = index_->Merge(tail.size());
    if (!status.ok()) {
      index_->RolledBack();
      return status;
    }
    transaction.Commit();
    index_->Committed();
    return status;
  }
  void Connect(const std::string& path) {
    auto connection = Connection::Open(path, true);
    Require(connection.status());
    connection_ = *std::move(connection);
    // Copied files are looked at, never a disk.
    Require(connection_->Execute("PRAGMA synchronous = OFF", "hurry"));
  }

  absl::Status Write(const std::vector<KeyEntry>& entries, uint64_t last_seq, bool commit) {
    absl::Status status;
    {
      Transaction transaction(connection_.get(), Transaction::Kind::kWrite);
      transaction.Begin();
      status = index_->Add(entries, last_seq);
      if (status.ok() && commit) {
        transaction.Commit();
      }
    }
    if (status.ok() && commit) {
      index_->Committed();
    } else {
      index_->RolledBack();
    }
    return status;
  }

  // Whether a row has a hash that begins like this one.
  bool HasLikeIt(uint64_t hash, uint64_t seq) const {
    const auto first =
        std::lower_bound(journal_.begin(), journal_.end(), seq,
                         [](const KeyEntry& entry, uint64_t wanted) { return entry.seq < wanted; });
    for (auto entry = first; entry != journal_.end() && entry->seq == seq; ++entry) {
      if ((entry->hash ^ hash) >> 16 == 0) {
        return true;
      }
    }
    return false;
  }

  const uint64_t memory_rows_max_;
  TempDirectory directory_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<KeyIndex> index_;
  std::vector<KeyEntry> journal_;
  std::multimap<uint64_t, uint64_t> truth_;  // hash to seq
  uint64_t last_seq_ = 0;
  int copies_ = 0;
};

// Rows from `first_seq` on, each with up to `keys_max` keys: most of them new, some that an earlier
// row has, some that differ from one only where the index does not look, and one again and again.
class KeySource {
 public:
  explicit KeySource(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t limit) { return random_() % limit; }
  std::vector<KeyEntry> Rows(uint64_t first_seq, uint64_t last_seq, uint64_t keys_max) {
    std::vector<KeyEntry> entries;
    for (uint64_t seq = first_seq; seq <= last_seq; ++seq) {
      for (uint64_t keys = Below(keys_max + 1); keys > 0; --keys) {
        entries.push_back({Hash(), seq});
      }
    }
    return entries;
  }

 private:
  uint64_t Hash() {
    const uint64_t kind = Below(20);
    if (kind == 0) {
      return 42;
    }
    if (kind <= 4 && !seen_.empty()) {
      const uint64_t hash = seen_[Below(seen_.size())];
      return kind <= 2 ? hash : hash ^ Below(1 << 16);
    }
    seen_.push_back(random_());
    return seen_.back();
  }

  std::mt19937_64 random_;
  std::vector<uint64_t> seen_;
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTS_STORE_KEY_INDEX_UNDER_TEST_H_
