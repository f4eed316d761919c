// The engine's view of its store: a cache of rows that also collects what the next commit will
// write.
#ifndef RETAILSYNC_SRC_ENGINE_MEMORY_H_
#define RETAILSYNC_SRC_ENGINE_MEMORY_H_

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "engine/first_version.h"
#include "engine/link_guesses.h"
#include "engine/lru_cache.h"
#include "retailsync/spi/store.h"

namespace retailsync::engine {

// What a delivery needs to know of the journal row with its content.
struct Version {
  Seq seq = 0;
  Seq previous = 0;
  int64_t version = 0;
  NameId system = 0;
  EntityType type = EntityType::kUnspecified;
  model::v1::Operation operation = model::v1::OPERATION_UNSPECIFIED;
  int64_t source_version = 0;
  std::string external_id;
  std::string traceparent;

  static Version Of(const JournalRow& row);
};

// A record with what its head says, which is read when it is first asked for.
struct CachedRecord {
  RecordRow row;
  std::optional<model::v1::Entity> body;
  size_t body_bytes = 0;  // serialised, while it is there
  // The body has no field that this version does not know; false: it may have.
  bool body_is_known = false;
  std::optional<Version> head;
  std::optional<FirstVersion> first;
  bool has_row = false;  // in the store; otherwise its first journal row stands for it
  bool dirty = false;
  // Lanes that were made ready by the head and have not taken its body yet.
  int readers = 0;
};

// Rows of the journal in their order, without those that cannot be read.
struct JournalPage {
  std::vector<JournalRow> rows;
  std::vector<absl::Status> damaged;
  Seq through = 0;  // looked at
  bool is_last = false;
};

// Everything read through it includes what was staged and is not committed yet. Rows that are
// staged are not evicted. Pointers it returns are valid until the next Commit(), Trim() or
// Recover().
class Memory {
 public:
  Memory(Store* store, size_t cache_bytes_max)
      : store_(store),
        cache_bytes_max_(cache_bytes_max),
        guesses_(std::min(cache_bytes_max / kGuessesPart, kGuessesBytesMax)) {}

  // Reads counters, names, streams and cursors. What was in flight becomes lane rows, durably.
  absl::Status Load();
  // Drops everything that is not durable, and loads again.
  absl::Status Recover();

  // -- Names, streams and cursors.
  // The number of a name, staged as new when the store does not know it.
  NameId Intern(NameKind kind, const std::string& name);
  const std::string& NameOf(NameId id) const;
  // 0: nothing was ever called so.
  NameId FindName(NameKind kind, std::string_view name) const;
  // The stream of a route to its target, staged as new when the store does not know it; one that it
  // knows may be of another domain. Streams stay where they are, also over a Recover().
  StreamRow* InternStream(NameId target, NameId route, NameId domain);
  void MoveStream(StreamRow& stream, NameId domain) {
    stream.domain = domain;
    MarkStream(stream.id);
  }
  void MarkStream(NameId id) { dirty_streams_.insert(id); }
  StreamRow* FindStream(NameId id);
  StreamRow* FindStream(NameId target, NameId route);
  // In the order of their numbers, which is that in which they were first seen.
  std::vector<StreamRow*> StreamsOf(NameId target) const;
  const std::string& Cursor(NameId system) const;
  void SetCursor(NameId system, const std::string& cursor);

  // -- Counters.
  Seq last_seq() const { return counters_.last_seq; }
  Seq NextSeq() { return ++counters_.last_seq; }
  uint64_t NextDeadLetter() { return ++counters_.last_dead_letter; }
  absl::Time latest_time() const { return counters_.latest_time; }
  void SetLatestTime(absl::Time time);
  // As the last commit has it, after Load().
  absl::Time doubtful_before() const { return counters_.doubtful_before; }
  // Is written with the next commit; `now`: which must not wait for other rows.
  void SetDoubtfulBefore(absl::Time time, bool now);

  // -- Rows. The Prefetch calls read many at once; what they could not read is read again, and
  // reported, when it is asked for.
  void PrefetchRecords(std::span<const RecordId> ids);
  void PrefetchLanes(std::span<const LaneKey> keys);

  // Asks for many at once; what is staged counts.
  absl::StatusOr<std::vector<std::optional<JournalRow>>> FindChanges(
      std::span<const ChangeKey> keys);
  absl::StatusOr<std::vector<RecordId>> FindLinks(std::span<const LinkKey> keys);  // 0: none
  absl::StatusOr<std::optional<JournalRow>> FindChange(const ChangeKey& key);
  absl::StatusOr<RecordId> FindLink(const LinkKey& key);
  // Only what is staged; the store was asked before.
  const JournalRow* FindStagedChange(const ChangeKey& key) const;  // null: none
  RecordId FindStagedLink(const LinkKey& key) const {              // 0: none
    return staged_names_.empty() ? 0 : FindStagedLink(key, Hash()(key));
  }

  absl::StatusOr<CachedRecord*> FindRecord(RecordId id);
  absl::StatusOr<LaneRow*> FindLane(const LaneKey& key) {  // null: none
    if (CachedLane* known = lanes_.Find(key)) return RowOf(known);
    return ReadLane(key);
  }
  // Null also when the store was not asked yet.
  LaneRow* FindKnownLane(const LaneKey& key) {
    CachedLane* known = lanes_.Find(key);
    return known == nullptr ? nullptr : RowOf(known);
  }
  absl::StatusOr<std::optional<JournalRow>> FindJournal(Seq seq);
  // A page of what the store has.
  absl::StatusOr<JournalPage> ReadPage(Seq from, int rows_max);
  absl::StatusOr<JournalRow> ReadJournal(Seq seq);  // DataLoss when it is not there
  absl::StatusOr<Version> ReadVersion(Seq seq);
  // What the record's head says of its change.
  absl::StatusOr<const Version*> Head(CachedRecord& record);
  // The record's body as it was after the change at `seq`; `payload`: what the source said in it
  // instead.
  absl::StatusOr<model::v1::Entity> ReadBody(Seq seq, bool payload = false);
  absl::StatusOr<const model::v1::Entity*> Body(CachedRecord& record);
  // The body, which must be there, out of the cache.
  model::v1::Entity ReleaseBody(CachedRecord& record);
  // Which system wrote which field of the record.
  absl::StatusOr<model::v1::Provenance> ProvenanceOf(CachedRecord& record);
  // The system alone has spoken of the record.
  absl::StatusOr<bool> IsAllFrom(CachedRecord& record, NameId system);

  void ReserveJournal(size_t rows);
  void StageJournal(JournalRow&& row);
  // `head`: the journal row that the record's body is in. `first`: it made the record.
  CachedRecord* StageRecord(RecordRow row, model::v1::Entity body, const JournalRow& head,
                            bool first);
  // The record as it is in memory is written.
  void MarkRecord(CachedRecord& record);
  void StageLink(LinkRow row);
  // Makes a lane known and written. `stream`: it is of the record's first version, which owes it to
  // this stream. The pointer may be changed until the commit.
  LaneRow* StageLane(LaneRow&& row, NameId stream = 0);
  // What the stream owes up to here is claimed: from the commit on it is in a flight, has a lane
  // row, or is at the target. `lane`: as FindLane gave it; null where it gave none.
  void Claim(NameId stream, RecordId record, LaneRow* lane);
  // These flights are over; lanes that were in them and are not settled get rows.
  void EndFlights(NameId target, std::span<const RecordId> records,
                  std::span<const std::pair<NameId, Flight>> flights);
  // The same for a lane that a stream owes and whose record cannot be read.
  LaneRow* StageDamagedLane(LaneRow&& row, NameId stream);
  // To be written as it stands at the commit, unless its first journal row says the same then. The
  // row itself, as FindLane or StageLane gave it, and no copy.
  void MarkLane(LaneRow& lane) { MarkCachedLane(static_cast<CachedLane&>(lane)); }
  void StageDeadLetter(DeadLetterRow row);
  // The letters staged and not committed, over those in the store.
  absl::StatusOr<std::optional<DeadLetterRow>> FindDeadLetter(uint64_t id);
  absl::StatusOr<std::vector<DeadLetterRow>> FindDeadLetters(const DeadLetterFilter& filter);

  // Writes what is staged. Nothing is staged afterwards, whatever it returns.
  absl::Status Commit();
  // The same in two halves: see Store. What is staged between them is for the next commit.
  void BeginCommit();
  absl::Status EndCommit();
  // Evicts what is too much, as every commit does.
  void Trim();
  bool HasStaged() const;
  // Beside it the guesses have a 64th of the limit, and 16 MiB at most.
  size_t cache_bytes() const { return records_.bytes() + links_.bytes() + lanes_.bytes(); }

  Store* store() const { return store_; }

 private:
  // Every row that is given out is one of these.
  struct CachedLane : LaneRow {
    CachedLane() = default;
    CachedLane(LaneRow&& row, LaneForm stored_as) : LaneRow(std::move(row)), form(stored_as) {}

    bool dirty = false;
    LaneForm form = LaneForm::kNone;  // as it is stored
    NameId stream = 0;                // that has it, unless the form is kRow
  };
  struct LinkName {
    NameId system = 0;
    EntityType type = EntityType::kUnspecified;
    std::string external_id;

    operator LinkKey() const { return {system, type, external_id}; }
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(const LaneKey& key) const {
      return (key.record * 0x9E3779B97F4A7C15u + key.target) * 0xD6E8FEB86659FD93u >> 7;
    }
    size_t operator()(RecordId id) const { return id * 0x9E3779B97F4A7C15u >> 7; }
    size_t operator()(const LinkKey& key) const {
      return absl::Hash<std::string_view>()(key.external_id) ^
             (size_t{key.system} * 0x9E3779B97F4A7C15u) ^ (static_cast<size_t>(key.type) << 56);
    }
    size_t operator()(const ChangeKey& key) const {
      return absl::Hash<std::string_view>()(key.change_id) ^
             (size_t{key.system} * 0x9E3779B97F4A7C15u);
    }
  };
  struct LinkEqual {
    using is_transparent = void;
    bool operator()(const LinkKey& a, const LinkKey& b) const { return a == b; }
  };
  // A staged row by its name, without a copy of the name: the set looks into `staged`.
  struct StagedName {
    enum Of : uint32_t { kChange, kFirstLink, kFirstKey, kLink };
    Of of = kChange;
    uint32_t index = 0;
  };
  struct StagedHash {
    using is_transparent = void;
    const WriteBatch* staged;
    size_t operator()(const ChangeKey& key) const { return Hash()(key); }
    size_t operator()(const LinkKey& key) const { return Hash()(key); }
    size_t operator()(const StagedName& name) const {
      return name.of == StagedName::kChange ? Hash()(ChangeOf(*staged, name))
                                            : Hash()(LinkOf(*staged, name));
    }
  };
  struct StagedEqual {
    using is_transparent = void;
    const WriteBatch* staged;
    bool operator()(const StagedName& a, const ChangeKey& b) const {
      return a.of == StagedName::kChange && ChangeOf(*staged, a) == b;
    }
    bool operator()(const StagedName& a, const LinkKey& b) const {
      return a.of != StagedName::kChange && LinkOf(*staged, a) == b;
    }
    bool operator()(const StagedName& a, const StagedName& b) const {
      return b.of == StagedName::kChange ? (*this)(a, ChangeOf(*staged, b))
                                         : (*this)(a, LinkOf(*staged, b));
    }
  };
  static ChangeKey ChangeOf(const WriteBatch& staged, const StagedName& name) {
    const JournalRow& row = staged.journal[name.index];
    return {row.system, row.change_id};
  }
  static LinkKey LinkOf(const WriteBatch& staged, const StagedName& name) {
    if (name.of == StagedName::kLink) {
      const LinkRow& row = staged.links[name.index];
      return {row.system, row.type, row.external_id};
    }
    const JournalRow& row = staged.journal[name.index];
    if (name.of == StagedName::kFirstKey) return {0, row.type, row.key};
    return {row.system, row.type, row.external_id};
  }
  using StagedSet = absl::flat_hash_set<StagedName, StagedHash, StagedEqual>;

  void Forget();
  void ForgetStaged();
  WriteBatch TakeStaged();
  absl::Status ReadState();
  absl::Status LandFlights();
  absl::Status Land(StreamRow& stream, const Flight& flight);
  RecordId FindStagedLink(const LinkKey& key, size_t hash) const;
  void NoteNames(const JournalRow& first);
  RecordId GuessLink(const LinkKey& key, size_t hash);
  absl::StatusOr<RecordId> FindLinkOfTarget(const LinkKey& key);
  CachedRecord* PutRecord(CachedRecord&& record);
  static absl::Status ReadHead(CachedRecord& record, const JournalRow& head);
  static absl::StatusOr<CachedRecord> DeriveRecord(const JournalRow& first);
  static LaneRow* RowOf(CachedLane* lane) {
    return lane->form != LaneForm::kNone || lane->dirty ? lane : nullptr;
  }
  CachedLane* PutLane(const LaneKey& key, CachedLane&& lane);
  absl::StatusOr<LaneRow*> ReadLane(const LaneKey& key);
  absl::StatusOr<CachedLane*> FindCachedLane(const LaneKey& key);
  absl::StatusOr<CachedLane> DeriveLane(const LaneKey& key);
  absl::StatusOr<const FirstVersion*> First(RecordId id, std::optional<FirstVersion>& room);
  StreamRow* StreamFor(const FirstVersion& first, NameId target);
  void MarkCachedLane(CachedLane& lane) {
    if (lane.dirty) return;
    lane.dirty = true;
    dirty_lanes_.push_back(&lane);
  }
  LaneForm FormFor(const CachedLane& lane);
  void StageDirtyLanes();

  static constexpr size_t kGuessesPart = 64;
  // Allocated at once, for a limit that may be "as much as there is".
  static constexpr size_t kGuessesBytesMax = 16u << 20;

  Store* store_;
  const size_t cache_bytes_max_;
  StoreCounters counters_;
  absl::Time doubtful_before_ = absl::InfinitePast();
  bool must_write_doubt_ = false;
  bool is_doubt_begun_ = false;  // the commit that was begun has to write it
  absl::flat_hash_map<NameId, NameRow> names_;
  std::map<std::pair<NameKind, std::string>, NameId> name_ids_;
  std::map<NameId, std::unique_ptr<StreamRow>> streams_;
  absl::flat_hash_set<NameId> known_streams_;  // that the store has
  absl::flat_hash_map<NameId, std::string> cursors_;

  LruCache<RecordId, CachedRecord, Hash> records_;
  LruCache<LinkName, RecordId, Hash, LinkEqual> links_;
  LruCache<LaneKey, CachedLane, Hash> lanes_;
  // Of names that states were made with, as long as no link says otherwise.
  LinkGuesses guesses_;

  // What the next commit writes, besides the dirty rows of the caches.
  WriteBatch staged_;
  StagedSet staged_names_{0, StagedHash{&staged_}, StagedEqual{&staged_}};
  std::vector<CachedRecord*> dirty_records_;
  std::vector<CachedLane*> dirty_lanes_;
  absl::flat_hash_set<NameId> dirty_streams_;
  std::map<uint64_t, DeadLetterRow> staged_dead_letters_;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_MEMORY_H_
