// The engine's view of its store: a cache of rows that also collects what the next commit will
// write.
#ifndef RETAILSYNC_SRC_ENGINE_MEMORY_H_
#define RETAILSYNC_SRC_ENGINE_MEMORY_H_

#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/lru_cache.h"
#include "retailsync/spi/store.h"

namespace retailsync::engine {

// A record with its body, which is parsed when it is first asked for.
struct CachedRecord {
  RecordRow row;
  std::optional<model::v1::Entity> body;
};

// Everything read through it includes what was staged and is not committed yet. Rows that are
// staged are not evicted. Pointers it returns are valid until the next Commit() or Forget().
class Memory {
 public:
  Memory(Store* store, size_t cache_bytes_max) : store_(store), cache_bytes_max_(cache_bytes_max) {}

  // Reads counters, names and cursors.
  absl::Status Load();
  // Drops everything that is not durable, and loads again.
  absl::Status Recover();

  // -- Names and cursors.
  // The number of a name, staged as new when the store does not know it.
  NameId Intern(NameKind kind, const std::string& name);
  const std::string& NameOf(NameId id) const;
  const std::string& Cursor(NameId system) const;
  void SetCursor(NameId system, const std::string& cursor);

  // -- Counters.
  Seq last_seq() const { return counters_.last_seq; }
  Seq NextSeq() { return ++counters_.last_seq; }
  RecordId NextRecord() { return ++counters_.last_record; }
  uint64_t NextDeadLetter() { return ++counters_.last_dead_letter; }
  absl::Time latest_time() const { return counters_.latest_time; }
  void SetLatestTime(absl::Time time);

  // -- Rows. The Prefetch calls read many at once; what they could not read is read again, and
  // reported, when it is asked for.
  void PrefetchChanges(std::span<const ChangeKey> keys);
  void PrefetchLinks(std::span<const LinkKey> keys);
  void PrefetchRecords(std::span<const RecordId> ids);
  void PrefetchLanes(std::span<const LaneKey> keys);

  absl::StatusOr<std::optional<JournalRow>> FindChange(const ChangeKey& key);
  absl::StatusOr<RecordId> FindLink(const LinkKey& key);  // 0: none
  absl::StatusOr<CachedRecord*> FindRecord(RecordId id);
  absl::StatusOr<LaneRow*> FindLane(const LaneKey& key);  // null: none
  absl::StatusOr<std::optional<JournalRow>> FindJournal(Seq seq);
  absl::StatusOr<JournalRow> ReadJournal(Seq seq);  // DataLoss when it is not there
  // The record's body as it was after the change at `seq`; `payload`: what the source said in it
  // instead.
  absl::StatusOr<model::v1::Entity> ReadBody(Seq seq, bool payload = false);
  absl::StatusOr<const model::v1::Entity*> Body(CachedRecord& record);

  void StageJournal(JournalRow row);
  CachedRecord* StageRecord(RecordRow row, model::v1::Entity body);
  void StageLink(LinkRow row);
  // Makes the lane known and written. The pointer may be changed until the commit.
  LaneRow* StageLane(LaneRow row);
  // To be written as it stands at the commit.
  void MarkLane(const LaneKey& key) { dirty_lanes_.insert(key); }
  void StageDeadLetter(DeadLetterRow row);
  // The letters staged and not committed, over those in the store.
  absl::StatusOr<std::optional<DeadLetterRow>> FindDeadLetter(uint64_t id);
  absl::StatusOr<std::vector<DeadLetterRow>> FindDeadLetters(const DeadLetterFilter& filter);

  // Writes what is staged. Nothing is staged afterwards, whatever it returns.
  absl::Status Commit();
  bool HasStaged() const;
  size_t cache_bytes() const { return records_.bytes() + links_.bytes() + lanes_.bytes(); }

  Store* store() { return store_; }

 private:
  struct LaneKeyHash {
    size_t operator()(const LaneKey& key) const {
      return std::hash<uint64_t>()(key.record * 0x9E3779B97F4A7C15u + key.target);
    }
  };
  struct LinkKeyHash {
    size_t operator()(const LinkKey& key) const {
      return std::hash<std::string>()(key.external_id) * 31 + key.system * 16 +
             static_cast<size_t>(key.type);
    }
  };
  struct ChangeKeyHash {
    size_t operator()(const ChangeKey& key) const {
      return std::hash<std::string>()(key.change_id) * 31 + key.system;
    }
  };
  struct ChangeKeyEqual {
    bool operator()(const ChangeKey& a, const ChangeKey& b) const {
      return a.system == b.system && a.change_id == b.change_id;
    }
  };

  void Forget();
  void Trim();
  void PutRecord(RecordRow row);
  void PutLane(const LaneKey& key, std::optional<LaneRow> row);

  Store* store_;
  const size_t cache_bytes_max_;
  StoreCounters counters_;
  std::unordered_map<NameId, NameRow> names_;
  std::map<std::pair<NameKind, std::string>, NameId> name_ids_;
  std::unordered_map<NameId, std::string> cursors_;

  LruCache<RecordId, CachedRecord> records_;
  LruCache<LinkKey, RecordId, LinkKeyHash> links_;                // 0: known to be absent
  LruCache<LaneKey, std::optional<LaneRow>, LaneKeyHash> lanes_;  // nothing: known to be absent
  // Answers to PrefetchChanges, for one batch.
  std::unordered_map<ChangeKey, std::optional<JournalRow>, ChangeKeyHash, ChangeKeyEqual> changes_;

  // What the next commit writes, besides the dirty rows of the caches.
  WriteBatch staged_;
  std::unordered_map<ChangeKey, size_t, ChangeKeyHash, ChangeKeyEqual>
      staged_changes_;  // into staged_.journal
  std::unordered_set<RecordId> dirty_records_;
  std::unordered_set<LaneKey, LaneKeyHash> dirty_lanes_;
  std::map<uint64_t, DeadLetterRow> staged_dead_letters_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_MEMORY_H_
