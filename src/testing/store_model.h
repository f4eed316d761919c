// What a store must hold and answer, as plain maps and naive loops over them.
#ifndef RETAILSYNC_TESTING_STORE_MODEL_H_
#define RETAILSYNC_TESTING_STORE_MODEL_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "retailsync/spi/store.h"

namespace retailsync::testing::store_kit {

using LinkName = std::tuple<NameId, EntityType, std::string>;
using ChangeName = std::pair<NameId, std::string>;
using LaneName = std::pair<NameId, RecordId>;  // target, record

class Model {
 public:
  // The batch must be one that a store takes.
  void Commit(const WriteBatch& batch);
  // What would be forgotten if all of it were done in one piece.
  struct Forgotten {
    uint64_t journal_rows = 0;
    uint64_t dead_letters = 0;
  };
  Forgotten Expire(absl::Time before);

  const std::map<NameId, NameRow>& names() const { return names_; }
  const std::map<NameId, StreamRow>& streams() const { return streams_; }
  const std::map<NameId, CursorRow>& cursors() const { return cursors_; }
  const std::map<Seq, JournalRow>& journal() const { return journal_; }
  const std::map<RecordId, RecordRow>& records() const { return records_; }
  const std::map<LaneName, LaneRow>& lanes() const { return lanes_; }
  const std::map<uint64_t, DeadLetterRow>& letters() const { return letters_; }
  const StoreCounters& counters() const { return counters_; }

  // Every change, link and record that was ever named: what is gone must not be found.
  const std::set<ChangeName>& changes_named() const { return changes_named_; }
  const std::set<LinkName>& links_named() const { return links_named_; }
  const std::set<RecordId>& records_named() const { return records_named_; }

  std::optional<JournalRow> FindChange(const ChangeName& name) const;
  std::optional<RecordId> FindLink(const LinkName& name) const;
  std::vector<LinkRow> LinksOf(RecordId record) const;  // by system, type, external id
  // A journal row stands for this lane, or this record, which has no row.
  bool IsStoodFor(const LaneName& lane) const;
  bool IsStoodFor(RecordId record) const;

  std::vector<Seq> Owed(NameId stream, Seq after) const;
  // All of them, in the order of the scan.
  std::vector<LaneRow> Ready(NameId target, NameId domain, ReadyPlace after) const;
  std::vector<LaneRow> Delayed(NameId target, NameId domain, absl::Time until) const;
  std::vector<LaneCount> CountLanes() const;  // by target, domain, state
  std::vector<DeadLetterRow> Letters(const DeadLetterFilter& filter) const;  // without rows_max
  uint64_t CountLetters(DeadLetterState state) const;

 private:
  bool IsNeeded(const JournalRow& row) const;
  bool IsOwedBy(NameId stream, RecordId record) const;

  std::map<NameId, NameRow> names_;
  std::map<NameId, StreamRow> streams_;
  std::map<NameId, CursorRow> cursors_;
  std::map<Seq, JournalRow> journal_;
  std::map<RecordId, RecordRow> records_;
  std::map<LinkName, RecordId> links_;  // rows
  std::map<LaneName, LaneRow> lanes_;
  std::map<uint64_t, DeadLetterRow> letters_;
  // Of the journal rows that are there.
  std::map<ChangeName, Seq> changes_;
  std::map<LinkName, RecordId> first_links_;
  StoreCounters counters_;
  std::set<ChangeName> changes_named_;
  std::set<LinkName> links_named_;
  std::set<RecordId> records_named_;
};

}  // namespace retailsync::testing::store_kit

#endif  // RETAILSYNC_TESTING_STORE_MODEL_H_
