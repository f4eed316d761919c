// The interface of the durable memory that an engine works on.
#ifndef RETAILSYNC_SPI_STORE_H_
#define RETAILSYNC_SPI_STORE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "retailsync/spi/rows.h"

namespace retailsync {

// Everything one commit writes. Each row replaces the one with the same key, or is new.
struct WriteBatch {
  std::vector<NameRow> names;  // key: id
  // Key: seq; ascending, greater than any stored. (system, change_id) is unique, and so are the
  // links that the rows stand for.
  std::vector<JournalRow> journal;
  std::vector<RecordRow> records;           // key: id
  std::vector<LinkRow> links;               // key: system, type, external_id
  std::vector<LaneRow> lanes;               // key: target, record
  std::vector<StreamRow> streams;           // key: id
  std::vector<DeadLetterRow> dead_letters;  // key: id
  std::vector<CursorRow> cursors;           // key: system
  // See StoreCounters; nothing: as before.
  std::optional<absl::Time> latest_time;
  std::optional<absl::Time> doubtful_before;

  bool empty() const {
    return names.empty() && journal.empty() && records.empty() && links.empty() && lanes.empty() &&
           streams.empty() && dead_letters.empty() && cursors.empty() && !latest_time.has_value() &&
           !doubtful_before.has_value();
  }
};

// Keys to look up; their views must last as long as the call.
struct ChangeKey {
  NameId system = 0;
  std::string_view change_id;

  bool operator==(const ChangeKey&) const = default;
};

struct LinkKey {
  NameId system = 0;
  EntityType type = EntityType::kUnspecified;
  std::string_view external_id;

  bool operator==(const LinkKey&) const = default;
};

struct LaneKey {
  NameId target = 0;
  RecordId record = 0;

  auto operator<=>(const LaneKey&) const = default;
};

// Where a lane stands among those of its queue that are ready.
struct ReadyPlace {
  Seq owed_since = 0;
  RecordId record = 0;

  auto operator<=>(const ReadyPlace&) const = default;
};

// First versions that a stream owes.
struct OwedPage {
  std::vector<Seq> seqs;   // ascending
  Seq looked_through = 0;  // where to go on
  bool done = true;        // there is nothing behind it
};

// How many lane rows of one queue are in a state.
struct LaneCount {
  NameId target = 0;
  NameId domain = 0;
  LaneState state = LaneState::kIdle;
  uint64_t lanes = 0;
};

struct DeadLetterFilter {
  std::optional<DeadLetterState> state = DeadLetterState::kOpen;  // nothing: every state
  std::optional<DeadLetterKind> kind;
  std::optional<NameId> system;
  std::optional<EntityType> type;
  std::optional<RecordId> record;
  std::string reason;       // empty: any
  std::string change_id;    // empty: any
  std::string external_id;  // empty: any
  uint64_t after_id = 0;    // only greater ids
  int rows_max = 100;
};

struct ExpireRequest {
  absl::Time before;     // journal rows received earlier may go
  int rows_max = 10000;  // look at no more than this many in one call
  Seq after_seq = 0;     // look only at greater sequences: `next_after` of the call before
};

struct ExpireResult {
  uint64_t journal_rows = 0;
  uint64_t dead_letters = 0;
  Seq next_after = 0;  // where to go on
  bool done = true;    // nothing older is left to look at
};

// The durable memory of one engine.
//
// Implementing: Commit is the only way to write. Reads see every commit that returned OK and none
// that did not, except that a commit which returned an error may turn out to have happened after a
// Recover (its answer was lost): repeating it must then be harmless, which it is when rows replace
// rows. Durability: when Commit returns OK the batch survives a crash of the process and a loss of
// power, as far as the medium keeps what it confirmed. Thread safety: none needed; an engine calls
// its store from one thread at a time. Ownership of the data: one engine a store; a second writer
// is refused at open with FailedPrecondition. Error handling: DataLoss means stored data cannot be
// read: the row is neither served nor said not to be there, and the message says which. A read that
// looks for it gives nothing else either, so that whoever wants the others asks for them one by
// one; only ScanOwed goes on. A change that may be in such a row is not taken again.
// ResourceExhausted means there is no room; nothing of the batch was written. AlreadyExists from
// Commit means a (system, change_id) that is stored already: a defect of the caller or a second
// writer. Unavailable from a read means that nothing can be read until a Recover. After it, and
// after any error from Commit, the engine forgets what it holds in memory, calls Recover and reads
// again.
class Store {
 public:
  virtual ~Store() = default;

  // For people: "sqlite sync.db".
  virtual std::string Describe() const = 0;

  // All of it or nothing.
  virtual absl::Status Commit(WriteBatch batch) = 0;

  // The same in two halves, between which the caller does something else. A store that
  // CommitsBeside() may write on another thread meanwhile; another does it in the first half.
  // EndCommit waits for it and says what Commit would have; it must be called before the next
  // commit is made or begun. Any other call between the halves waits too, and then sees what was
  // committed.
  virtual bool CommitsBeside() const { return false; }
  virtual void BeginCommit(WriteBatch batch) { begun_ = Commit(std::move(batch)); }
  virtual absl::Status EndCommit() { return std::exchange(begun_, absl::OkStatus()); }

  // Drops everything that is not durable and opens anew if need be.
  virtual absl::Status Recover() = 0;

  virtual absl::StatusOr<StoreCounters> ReadCounters() = 0;
  virtual absl::StatusOr<std::vector<NameRow>> ReadNames() = 0;
  virtual absl::StatusOr<std::vector<StreamRow>> ReadStreams() = 0;
  virtual absl::StatusOr<std::vector<CursorRow>> ReadCursors() = 0;

  // One answer for each key, in the order of the keys; nothing where there is no such row. Changes
  // are journal rows.
  virtual absl::StatusOr<std::vector<std::optional<JournalRow>>> FindChanges(
      std::span<const ChangeKey> keys) = 0;
  virtual absl::StatusOr<std::vector<std::optional<JournalRow>>> ReadJournal(
      std::span<const Seq> seqs) = 0;
  virtual absl::StatusOr<std::vector<std::optional<RecordRow>>> ReadRecords(
      std::span<const RecordId> ids) = 0;
  // Those that a journal row stands for too.
  virtual absl::StatusOr<std::vector<std::optional<RecordId>>> FindLinks(
      std::span<const LinkKey> keys) = 0;
  virtual absl::StatusOr<std::vector<std::optional<LaneRow>>> ReadLanes(
      std::span<const LaneKey> keys) = 0;

  // Journal rows with seq >= from, ascending.
  virtual absl::StatusOr<std::vector<JournalRow>> ScanJournal(Seq from, int rows_max) = 0;
  // First versions with seq > after that this stream owes, whether they have a lane row or not: up
  // to `seqs_max` of them, looking at up to `rows_max` journal rows. Rows that cannot be read are
  // among them: nobody can tell what they owe, and whoever looks at one finds out.
  virtual absl::StatusOr<OwedPage> ScanOwed(NameId stream, Seq after, int seqs_max,
                                            int rows_max) = 0;
  // Every link of a record, those included that its first journal row stands for.
  virtual absl::StatusOr<std::vector<LinkRow>> LinksOf(RecordId record) = 0;

  // Lane rows in kReady of one queue that come after this place, ascending by (owed_since, record).
  // Many may be owed since the same journal row.
  virtual absl::StatusOr<std::vector<LaneRow>> ScanReady(NameId target, NameId domain,
                                                         ReadyPlace after, int rows_max) = 0;
  // Lanes of one queue in kRetry, kUnknown, kWaiting or kInFlight with due_at <= until, ascending
  // by (due_at, record).
  virtual absl::StatusOr<std::vector<LaneRow>> ScanDelayed(NameId target, NameId domain,
                                                           absl::Time until, int rows_max) = 0;
  // Every combination that has lane rows other than kIdle.
  virtual absl::StatusOr<std::vector<LaneCount>> CountLanes() = 0;

  virtual absl::StatusOr<std::optional<DeadLetterRow>> ReadDeadLetter(uint64_t id) = 0;
  // Ascending by id.
  virtual absl::StatusOr<std::vector<DeadLetterRow>> ScanDeadLetters(
      const DeadLetterFilter& filter) = 0;
  virtual absl::StatusOr<uint64_t> CountDeadLetters(DeadLetterState state) = 0;

  // Forgets old history. A journal row goes when it was received before `before` and nothing needs
  // it: it is no record's head, no lane's base, no open dead letter names it, it stands for no lane
  // (each stream in `owed` has a lane row for its target), and its record owes nothing: it has no
  // lane row other than kIdle, and its first journal row stands for no lane that is ready, or whose
  // stream has any flight. The links it stood for become rows. Closed dead letters that were closed
  // before go too. What cannot be read stays, and so does what it may need. Durable when it
  // returns. Rows lie in the order of arrival, in which time goes on but where a clock was set
  // back: younger ones are stepped over, and a call that looks at nothing else is the last.
  virtual absl::StatusOr<ExpireResult> Expire(const ExpireRequest& request) = 0;

 private:
  absl::Status begun_;  // what became of a commit that was begun and not ended
};

}  // namespace retailsync

#endif  // RETAILSYNC_SPI_STORE_H_
