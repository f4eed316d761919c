#include "testing/kit_wrong_stores.h"

#include <algorithm>
#include <set>

namespace retailsync::testing {
namespace {

// Changes every row that is there.
template <typename Row>
Edit<std::vector<std::optional<Row>>> EachFound(std::function<void(Row&)> edit) {
  return [edit](std::vector<std::optional<Row>>& rows) {
    for (auto& row : rows) {
      if (row.has_value()) edit(*row);
    }
  };
}

template <typename Row>
Edit<std::vector<Row>> Each(std::function<void(Row&)> edit) {
  return [edit](std::vector<Row>& rows) { std::for_each(rows.begin(), rows.end(), edit); };
}

// Changes a batch before it is committed.
std::function<Spoiling()> Before(std::function<void(WriteBatch&)> edit) {
  return [edit] {
    return Spoiling{.commit = [edit](WriteBatch batch, Store& right) {
      edit(batch);
      return right.Commit(std::move(batch));
    }};
  };
}

void CutAtNul(std::string& text) {
  text = text.substr(0, text.find('\0'));
}

// Journal rows that are not served any more once Expire was called for a time after them, whatever
// needs them: those that `is_hidden` picks from all there are.
std::function<Spoiling()> ForgetsOnExpire(
    std::function<bool(const JournalRow&, Store&)> is_hidden) {
  return [is_hidden] {
    auto hidden = std::make_shared<std::set<Seq>>();
    Spoiling spoiling;
    spoiling.expire = [hidden, is_hidden](const ExpireRequest& request, Store& right) {
      const auto rows = right.ScanJournal(0, 1000);
      for (const JournalRow& row : *rows) {
        if (row.received_at < request.before && is_hidden(row, right)) hidden->insert(row.seq);
      }
      return right.Expire(request);
    };
    spoiling.journal = [hidden](std::vector<std::optional<JournalRow>>& rows) {
      for (auto& row : rows) {
        if (row.has_value() && hidden->contains(row->seq)) row.reset();
      }
    };
    return spoiling;
  };
}

LaneRow LaneOf(Store& store, RecordId record, NameId target) {
  const auto lanes = store.ReadLanes(std::vector<LaneKey>{{target, record}});
  return (*lanes)[0].value_or(LaneRow());
}

// That a version came after the first one of its record, and that one stands for a lane of a stream
// of which this is so.
bool IsOwedAsFirst(const JournalRow& row, Store& store,
                   const std::function<bool(const StreamRow&)>& is_so) {
  const auto first = store.ReadJournal(std::vector<Seq>{row.record});
  if (row.seq == row.record || !(*first)[0].has_value() || !(*first)[0]->IsFirst()) return false;
  const auto& owed = (*first)[0]->owed;
  const auto streams = store.ReadStreams();
  return std::any_of(streams->begin(), streams->end(), [&](const StreamRow& stream) {
    return std::find(owed.begin(), owed.end(), stream.id) != owed.end() &&
           LaneOf(store, row.record, stream.target).target == 0 && is_so(stream);
  });
}

std::vector<WrongStore> OfRows() {
  return {
      {"holds something already",
       {"opens-empty", "keeps-cursors"},
       [] {
         return Spoiling{.cursors = [](std::vector<CursorRow>& rows) {
           if (rows.empty()) rows.push_back({77, "0"});
         }};
       }},
      {"does not say which it is",
       {"describes-itself"},
       [] { return Spoiling{.description = ""}; }},
      {"forgets what kind of name it is", {"keeps-names"}, Before([](WriteBatch& batch) {
         for (NameRow& row : batch.names) row.kind = NameKind::kSystem;
       })},
      {"forgets the trace of a change",
       {"keeps-journal-rows", "finds-changes", "keeps-extreme-numbers", "scans-the-journal"},
       Before([](WriteBatch& batch) {
         for (JournalRow& row : batch.journal) row.traceparent.clear();
       })},
      {"forgets who said what of a record", {"keeps-records"}, Before([](WriteBatch& batch) {
         for (RecordRow& row : batch.records) row.provenance.clear();
       })},
      {"finds a link whatever its type",
       {"keeps-links", "finds-first-links", "lists-links-of-a-record"},
       Before([](WriteBatch& batch) {
         const std::vector<LinkRow> links = batch.links;
         for (LinkRow link : links) {
           link.type = EntityType::kPayment;
           batch.links.push_back(link);
         }
       })},
      {"forgets how often was probed",
       {"keeps-lanes"},
       [] { return Spoiling{.lanes = EachFound<LaneRow>([](LaneRow& row) { row.probes = 0; })}; }},
      {"keeps one flight a stream", {"keeps-streams"}, Before([](WriteBatch& batch) {
         for (StreamRow& row : batch.streams) {
           if (row.flights.size() > 1) row.flights.resize(1);
         }
       })},
      {"forgets the history of a dead letter",
       {"keeps-dead-letters"},
       [] {
         return Spoiling{.letter = [](std::optional<DeadLetterRow>& row) {
           if (row.has_value()) row->history.clear();
         }};
       }},
      {"trims cursors",
       {"keeps-cursors"},
       [] {
         return Spoiling{.cursors = Each<CursorRow>([](CursorRow& row) {
                           if (row.cursor.starts_with("page ")) row.cursor = row.cursor.substr(5);
                         })};
       }},
      {"takes texts to end at a NUL",
       {"keeps-any-bytes"},
       [] {
         return Spoiling{.journal =
                             EachFound<JournalRow>([](JournalRow& row) { CutAtNul(row.payload); })};
       }},
      {"has no regard to case",
       {"keeps-any-bytes"},
       [] {
         return Spoiling{.records = EachFound<RecordRow>([](RecordRow& row) {
                           if (row.key == "CASE") row.key = "case";
                         })};
       }},
      {"cuts large values", {"keeps-large-values"}, Before([](WriteBatch& batch) {
         for (JournalRow& row : batch.journal) {
           if (row.payload.size() > 1'040'000) row.payload.resize(1'040'000);
         }
       })},
      {"keeps numbers in 32 bits",
       {"keeps-extreme-numbers"},
       [] {
         return Spoiling{.records = EachFound<RecordRow>([](RecordRow& row) {
                           row.version = static_cast<int32_t>(row.version);
                         })};
       }},
      {"keeps times to the millisecond",
       {"keeps-times"},
       [] {
         return Spoiling{.journal = EachFound<JournalRow>([](JournalRow& row) {
                           if (row.occurred_at != absl::InfinitePast() &&
                               row.occurred_at != absl::InfiniteFuture()) {
                             row.occurred_at =
                                 absl::FromUnixMillis(absl::ToUnixMillis(row.occurred_at));
                           }
                         })};
       }},
      {"keeps the first row of a key",
       {"replaces-rows", "commits-can-be-repeated", "refused-batches-block-nothing"},
       [] {
         auto known = std::make_shared<std::set<NameId>>();
         return Spoiling{.commit = [known](WriteBatch batch, Store& right) {
           std::erase_if(batch.names, [&](const NameRow& row) { return known->contains(row.id); });
           for (const NameRow& row : batch.names) known->insert(row.id);
           return right.Commit(std::move(batch));
         }};
       }},
  };
}

std::vector<WrongStore> OfCommits() {
  return {
      {"forgets a commit that was begun",
       {"commits-in-two-halves"},
       [] { return Spoiling{.end_commit = [](WriteBatch, Store&) { return absl::OkStatus(); }}; }},
      {"does not show what was begun until it is ended",
       {"commits-in-two-halves"},
       [] {
         return Spoiling{.end_commit = [](WriteBatch batch, Store& right) {
           return right.Commit(std::move(batch));
         }};
       }},
      {"does not say that what was begun failed",
       {"commits-in-two-halves"},
       [] {
         return Spoiling{.end_commit = [](WriteBatch batch, Store& right) {
           right.Commit(std::move(batch)).IgnoreError();
           return absl::OkStatus();
         }};
       }},
      {"commits half a batch",
       {"commits-atomically"},
       [] {
         return Spoiling{.commit = [](WriteBatch batch, Store& right) {
           WriteBatch half;
           half.cursors = batch.cursors;
           const absl::Status status = right.Commit(std::move(batch));
           if (!status.ok()) right.Commit(std::move(half)).IgnoreError();
           return status;
         }};
       }},
      {"takes a known change for a success",
       {"refuses-known-changes"},
       [] {
         return Spoiling{.commit = [](WriteBatch batch, Store& right) {
           const absl::Status status = right.Commit(std::move(batch));
           return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
         }};
       }},
      {"takes any sequence for a success",
       {"refuses-old-sequences"},
       [] {
         return Spoiling{.commit = [](WriteBatch batch, Store& right) {
           const absl::Status status = right.Commit(std::move(batch));
           return absl::IsInvalidArgument(status) ? absl::OkStatus() : status;
         }};
       }},
      {"is blocked by a refused batch",
       {"refused-batches-block-nothing"},
       [] {
         auto refused = std::make_shared<int>(0);
         return Spoiling{.commit = [refused](WriteBatch batch, Store& right) {
           if (*refused == 6) return absl::InternalError("too many failed transactions");
           const absl::Status status = right.Commit(std::move(batch));
           *refused += status.ok() ? 0 : 1;
           return status;
         }};
       }},
      {"cannot be told the same again",
       {"commits-can-be-repeated"},
       [] {
         auto last = std::make_shared<std::string>();
         return Spoiling{.commit = [last](WriteBatch batch, Store& right) {
           const bool is_plain = batch.journal.empty() && !batch.names.empty();
           const std::string name = is_plain ? batch.names[0].name : "";
           if (is_plain && *last == name) return absl::AlreadyExistsError(name);
           *last = name;
           return right.Commit(std::move(batch));
         }};
       }},
      {"has not written yet what it confirmed",
       {"survives-reopening", "survives-a-crash"},
       [] { return Spoiling(); },
       /*survives_reopening=*/false,
       /*survives_a_crash=*/false},
      {"writes what it confirmed when it is closed",
       {"survives-a-crash"},
       [] { return Spoiling(); },
       /*survives_reopening=*/true,
       /*survives_a_crash=*/false},
      {"lets a second one in",
       {"has-one-writer"},
       [] { return Spoiling(); },
       /*survives_reopening=*/true,
       /*survives_a_crash=*/true,
       /*has_one_writer=*/false},
      {"loses one commit in forty",
       {"agrees-with-a-model"},
       [] {
         auto commits = std::make_shared<int>(0);
         return Spoiling{.commit = [commits](WriteBatch batch, Store& right) {
           return ++*commits % 40 == 0 ? absl::OkStatus() : right.Commit(std::move(batch));
         }};
       }},
      {"writes what there is room for",
       {"no-room-writes-nothing"},
       [] { return Spoiling{.writes_a_part_without_room = true}; }},
      {"drops the last commit when it recovers",
       {"recovers", "no-room-writes-nothing"},
       [] {
         auto late = std::make_shared<bool>(false);
         Spoiling spoiling;
         spoiling.recover = [late](Store& right) {
           *late = true;
           return right.Recover();
         };
         spoiling.cursors = [late](std::vector<CursorRow>& rows) {
           if (*late) rows.clear();
         };
         return spoiling;
       }},
      {"counts what is there, not what was used",
       {"counts-on", "expires-closed-letters", "expires-old-rows"},
       [] {
         return Spoiling{.counters = [](StoreCounters& counters, Store& right) {
           const auto rows = right.ScanDeadLetters({.state = std::nullopt, .rows_max = 1000});
           counters.last_dead_letter = rows->empty() ? 0 : rows->back().id;
         }};
       }},
      {"forgets which times are in doubt",
       {"counts-on"},
       [] {
         return Spoiling{.commit = [](WriteBatch batch, Store& right) {
           batch.doubtful_before.reset();
           return right.Commit(std::move(batch));
         }};
       }},
      {"never sets its time back",
       {"counts-on"},
       [] {
         auto latest = std::make_shared<absl::Time>(absl::InfinitePast());
         return Spoiling{.commit = [latest](WriteBatch batch, Store& right) {
           if (batch.latest_time.has_value()) {
             *latest = std::max(*latest, *batch.latest_time);
             batch.latest_time = *latest;
           }
           return right.Commit(std::move(batch));
         }};
       }},
  };
}

// Calls between the halves of a commit that do not wait for it.
std::vector<WrongStore> OfHalves() {
  std::vector<WrongStore> stores;
  for (const char* call : {"ReadCounters", "ReadNames", "ReadStreams", "ReadCursors", "FindChanges",
                           "ReadJournal", "ReadRecords", "FindLinks", "ReadLanes", "ScanJournal",
                           "ScanOwed", "LinksOf", "ScanReady", "ScanDelayed", "CountLanes",
                           "ReadDeadLetter", "ScanDeadLetters", "CountDeadLetters", "Expire"}) {
    stores.push_back({std::string("does not wait in ") + call + " for what was begun",
                      {"commits-in-two-halves"},
                      [call] { return Spoiling{.commits_beside = true, .does_not_wait = call}; }});
  }
  stores.push_back({"drops what was begun when it recovers", {"commits-in-two-halves"}, [] {
                      auto recovered = std::make_shared<bool>(false);
                      Spoiling spoiling{.commits_beside = true};
                      spoiling.recover = [recovered](Store& right) {
                        *recovered = true;
                        return right.Recover();
                      };
                      spoiling.names = [recovered](std::vector<NameRow>& rows) {
                        if (*recovered && rows.size() > 12) rows.pop_back();
                      };
                      return spoiling;
                    }});
  stores.push_back(
      {"does not say what failed of what was begun when it was read meanwhile",
       {"commits-in-two-halves"},
       [] { return Spoiling{.commits_beside = true, .forgets_what_failed_when_read = true}; }});
  return stores;
}

std::vector<WrongStore> OfDamage() {
  std::vector<WrongStore> stores{
      {"serves what it cannot read",
       {"damaged-rows-are-not-served"},
       [] { return Spoiling{.serves_damaged_rows = true}; }},
      {"takes a change again that it cannot read",
       {"damaged-rows-are-not-served"},
       [] { return Spoiling{.takes_damaged_changes_again = true}; }},
      {"forgets what it cannot read",
       {"expire-keeps-what-is-damaged"},
       [] { return Spoiling{.expires_damaged_rows = true}; }},
  };
  for (const char* read : {"ReadNames", "ReadStreams", "ReadCursors", "FindChanges", "ReadJournal",
                           "ReadRecords", "FindLinks of a row", "FindLinks of a first row",
                           "FindLinks of a key", "ReadLanes", "ScanJournal", "ScanOwed", "LinksOf",
                           "ScanReady", "ScanDelayed", "ReadDeadLetter", "ScanDeadLetters"}) {
    stores.push_back({std::string("says in ") + read + " that what it cannot read is not there",
                      {"damaged-rows-are-not-served"},
                      [read] { return Spoiling{.hides_damage = read}; }});
  }
  return stores;
}

std::vector<WrongStore> OfReads() {
  return {
      {"finds a change of any system",
       {"finds-changes"},
       [] { return Spoiling{.change_key = [](ChangeKey& key) { key.system %= 1000; }}; }},
      {"does not tell all of a change that is known",
       {"finds-changes"},
       [] {
         return Spoiling{.changes = EachFound<JournalRow>(
                             [](JournalRow& change) { change.traceparent.clear(); })};
       }},
      {"answers in the order of its keys",
       {"answers-in-key-order"},
       [] {
         return Spoiling{.records = [](std::vector<std::optional<RecordRow>>& rows) {
           std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
             return a.has_value() && b.has_value() && a->id < b->id;
           });
         }};
       }},
      {"answers only what it found",
       {"answers-in-key-order"},
       [] {
         return Spoiling{.lanes = [](std::vector<std::optional<LaneRow>>& rows) {
           std::erase_if(rows, [](const auto& row) { return !row.has_value(); });
         }};
       }},
      {"does not find the business keys that first rows stand for",
       {"finds-first-links", "expire-keeps-links"},
       [] {
         return Spoiling{.links = [](std::span<const LinkKey> keys,
                                     std::vector<std::optional<RecordId>>& records) {
           for (size_t i = 0; i < keys.size(); ++i) {
             if (keys[i].system == 0 && keys[i].external_id.starts_with("key ")) records[i].reset();
           }
         }};
       }},
      {"takes every journal row for a first one",
       {"finds-first-links", "keeps-links", "lists-links-of-a-record"},
       Before([](WriteBatch& batch) {
         for (const JournalRow& row : batch.journal) {
           batch.links.push_back({row.system, row.type, row.external_id, row.record});
         }
       })},
      {"lists a link under the record it had before",
       {"lists-links-of-a-record"},
       [] {
         return Spoiling{.links_of = [](std::vector<LinkRow>& rows) {
           if (rows.size() > 2) rows.pop_back();
         }};
       }},
      {"begins the journal behind where it was to begin",
       {"scans-the-journal"},
       [] { return Spoiling{.scan_journal = [](Seq& from, int&) { ++from; }}; }},
      {"gives as much of the journal as there is",
       {"scans-the-journal"},
       [] { return Spoiling{.scan_journal = [](Seq&, int& rows_max) { rows_max = 1000; }}; }},
      {"gives the journal as it comes",
       {"scans-the-journal", "keeps-extreme-numbers"},
       [] {
         return Spoiling{.scanned_journal = [](std::vector<JournalRow>& rows) {
           std::reverse(rows.begin(), rows.end());
         }};
       }},
      {"skips the first that is owed in a page",
       {"scans-what-is-owed"},
       [] { return Spoiling{.scan_owed = [](Seq& after, int&, int&) { ++after; }}; }},
      {"is done with what is owed after a page",
       {"scans-what-is-owed"},
       [] { return Spoiling{.scanned_owed = [](OwedPage& page) { page.done = true; }}; }},
      {"is never done with what is owed",
       {"scans-what-is-owed", "opens-empty"},
       [] { return Spoiling{.scanned_owed = [](OwedPage& page) { page.done = false; }}; }},
      {"gives ready lanes by record",
       {"scans-ready-lanes"},
       [] {
         return Spoiling{.scanned_ready = [](std::vector<LaneRow>& rows) {
           std::sort(rows.begin(), rows.end(),
                     [](const LaneRow& a, const LaneRow& b) { return a.record < b.record; });
         }};
       }},
      {"gives the ready lane it was to begin behind",
       {"scans-ready-lanes"},
       [] {
         return Spoiling{.scan_ready = [](ReadyPlace& after, int&) {
           if (after.record > 0) --after.record;
         }};
       }},
      {"passes ready lanes by that are owed since the same row",
       {"scans-ready-lanes"},
       [] {
         return Spoiling{.scan_ready = [](ReadyPlace& after, int&) {
           if (after.owed_since > 0) after.record = UINT64_MAX;
         }};
       }},
      {"gives delayed lanes of equal times as they come",
       {"scans-delayed-lanes"},
       [] {
         return Spoiling{.scanned_delayed = [](std::vector<LaneRow>& rows) {
           std::sort(rows.begin(), rows.end(), [](const LaneRow& a, const LaneRow& b) {
             return std::pair(a.due_at, b.record) < std::pair(b.due_at, a.record);
           });
         }};
       }},
      {"leaves out what is due at the very time",
       {"scans-delayed-lanes"},
       [] {
         return Spoiling{.scan_delayed = [](absl::Time& until, int&) {
           if (until != absl::InfiniteFuture()) until -= absl::Microseconds(1);
         }};
       }},
      {"counts a lane that is in flight as ready",
       {"counts-lanes"},
       [] {
         return Spoiling{.lane_counts = Each<LaneCount>([](LaneCount& count) {
                           if (count.state == LaneState::kInFlight) count.state = LaneState::kReady;
                         })};
       }},
      {"has no regard to the reason of dead letters",
       {"scans-dead-letters"},
       [] {
         return Spoiling{.scan_letters = [](DeadLetterFilter& filter) { filter.reason.clear(); }};
       }},
      {"begins the dead letters with the one it was to begin after",
       {"scans-dead-letters"},
       [] {
         return Spoiling{.scan_letters = [](DeadLetterFilter& filter) {
           if (filter.after_id > 0) --filter.after_id;
         }};
       }},
      {"counts a dead letter too many",
       {"counts-dead-letters"},
       [] {
         return Spoiling{.letter_count = [](uint64_t& count) {
           if (count > 3) ++count;
         }};
       }},
  };
}

std::vector<WrongStore> OfExpiring() {
  return {
      {"forgets nothing",
       {"expires-old-rows", "agrees-with-a-model", "commits-atomically", "expire-keeps-links",
        "expired-changes-come-again", "expires-closed-letters", "expires-in-pieces"},
       [] {
         return Spoiling{.expire = [](const ExpireRequest&, Store&) { return ExpireResult(); }};
       }},
      {"forgets a record's head",
       {"expire-keeps-heads", "agrees-with-a-model", "expire-keeps-bases",
        "expire-keeps-first-rows", "expire-keeps-links", "expire-keeps-what-is-owed",
        "expire-keeps-what-letters-name"},
       ForgetsOnExpire([](const JournalRow& row, Store& right) {
         const auto records = right.ReadRecords(std::vector<RecordId>{row.record});
         return (*records)[0].has_value() && (*records)[0]->head == row.seq;
       })},
      {"forgets a lane's base",
       {"expire-keeps-bases", "agrees-with-a-model"},
       ForgetsOnExpire([](const JournalRow& row, Store& right) {
         return LaneOf(right, row.record, 2).base == row.seq;
       })},
      {"forgets what is owed",
       {"expire-keeps-what-is-owed", "agrees-with-a-model"},
       ForgetsOnExpire([](const JournalRow& row, Store& right) {
         return LaneOf(right, row.record, 3).state == LaneState::kWaiting;
       })},
      {"forgets what a stream has yet to claim",
       {"expire-keeps-what-is-owed"},
       ForgetsOnExpire([](const JournalRow& row, Store& right) {
         return IsOwedAsFirst(row, right, [&](const StreamRow& stream) {
           return row.record > stream.claimed_through && stream.flights.empty();
         });
       })},
      {"forgets what a stream has under way",
       {"expire-keeps-what-is-owed", "expire-keeps-first-rows", "expire-keeps-links"},
       ForgetsOnExpire([](const JournalRow& row, Store& right) {
         return IsOwedAsFirst(row, right, [&](const StreamRow& stream) {
           return row.record <= stream.claimed_through && !stream.flights.empty();
         });
       })},
      {"forgets nothing of what a stream owed once",
       {"expire-keeps-what-is-owed", "agrees-with-a-model", "expire-keeps-first-rows",
        "expire-keeps-links"},
       [] {
         Spoiling spoiling;
         spoiling.expire = [](const ExpireRequest& request, Store& right) {
           const auto rows = right.ScanJournal(0, 1000);
           const bool owed = std::any_of(rows->begin(), rows->end(), [&](const JournalRow& row) {
             return row.received_at < request.before &&
                    IsOwedAsFirst(row, right, [](const StreamRow&) { return true; });
           });
           return owed ? ExpireResult() : right.Expire(request);
         };
         return spoiling;
       }},
      {"forgets what a dead letter names",
       {"expire-keeps-what-letters-name"},
       ForgetsOnExpire([](const JournalRow& row, Store& right) {
         const auto open = right.ScanDeadLetters({.rows_max = 1000});
         return std::any_of(open->begin(), open->end(),
                            [&](const DeadLetterRow& letter) { return letter.seq == row.seq; });
       })},
      {"forgets the rows that stand for lanes",
       {"expire-keeps-first-rows", "agrees-with-a-model", "expire-keeps-what-is-owed"},
       ForgetsOnExpire([](const JournalRow& row, Store&) { return !row.owed.empty(); })},
      {"forgets the links of what it forgets",
       {"expire-keeps-links", "expire-keeps-first-rows", "agrees-with-a-model"},
       [] {
         auto gone = std::make_shared<std::set<RecordId>>();
         Spoiling spoiling;
         spoiling.expire = [gone](const ExpireRequest& request, Store& right) {
           const auto before = right.ScanJournal(0, 1000);
           auto result = right.Expire(request);
           for (const JournalRow& row : *before) {
             const auto after = right.ReadJournal(std::vector<Seq>{row.seq});
             if (row.IsFirst() && !(*after)[0].has_value()) gone->insert(row.record);
           }
           return result;
         };
         spoiling.links = [gone](std::span<const LinkKey>,
                                 std::vector<std::optional<RecordId>>& records) {
           for (auto& record : records) {
             if (record.has_value() && gone->contains(*record)) record.reset();
           }
         };
         return spoiling;
       }},
      {"does not count the dead letters that it forgets",
       {"expires-closed-letters", "expires-in-pieces", "expires-old-rows"},
       [] {
         return Spoiling{.expire = [](const ExpireRequest& request, Store& right) {
           auto result = right.Expire(request);
           if (result.ok()) result->dead_letters = 0;
           return result;
         }};
       }},
      {"looks at everything at once",
       {"expires-in-pieces"},
       [] {
         return Spoiling{.expire = [](ExpireRequest request, Store& right) {
           request.rows_max = 1000;
           return right.Expire(request);
         }};
       }},
      {"says that it is done after a piece",
       {"expires-in-pieces"},
       [] {
         return Spoiling{.expire = [](const ExpireRequest& request, Store& right) {
           auto result = right.Expire(request);
           if (result.ok()) result->done = true;
           return result;
         }};
       }},
      {"knows a change for ever",
       {"expired-changes-come-again"},
       [] {
         auto known = std::make_shared<std::set<std::string>>();
         return Spoiling{.commit = [known](WriteBatch batch, Store& right) {
           for (const JournalRow& row : batch.journal) {
             if (known->contains(row.change_id)) return absl::AlreadyExistsError(row.change_id);
           }
           std::set<std::string> fresh;
           for (const JournalRow& row : batch.journal) {
             if (row.system == 1) fresh.insert(row.change_id);
           }
           const absl::Status status = right.Commit(std::move(batch));
           if (status.ok()) known->merge(fresh);
           return status;
         }};
       }},
  };
}

}  // namespace

std::vector<WrongStore> WrongStores() {
  std::vector<WrongStore> all;
  for (auto* group : {&OfRows, &OfCommits, &OfHalves, &OfDamage, &OfReads, &OfExpiring}) {
    for (WrongStore& wrong : group()) all.push_back(std::move(wrong));
  }
  return all;
}

}  // namespace retailsync::testing
