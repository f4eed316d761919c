#include "retailsync/testing/store_kit.h"

#include <algorithm>
#include <limits>

#include "testing/store_trial.h"

namespace retailsync::testing {
namespace store_kit {
namespace {

// Texts that break careless code.
std::vector<std::string> HostileTexts() {
  return {"",
          "'",
          "\"; DROP TABLE journal; --",
          "' OR '1'='1",
          "?1",
          "%s%n",
          "line\nfeed\r",
          std::string("nul\0inside", 10),
          std::string("nul\0insidf", 10),
          std::string("\0", 1),
          "\xff\xfe\x80 not UTF-8",
          "Größe 漢字 \xf0\x9f\x9b\x92",
          "1234567890123456789012345",
          "1e3",
          "1000",
          " padded ",
          "padded",
          "CASE",
          "case",
          std::string(5000, 'x')};
}

}  // namespace

void CheckOpening(Trial& trial) {
  if (!trial.OpenNew()) return;
  trial.notes().Expect("describes-itself", !trial.store().Describe().empty(), "it says nothing");
  trial.Compare("opens-empty");
  trial.Commit("opens-empty", {});
  trial.Compare("opens-empty");
  if (!trial.subject().reopen) return;
  const auto second = trial.subject().reopen();
  trial.notes().Expect("has-one-writer", absl::IsFailedPrecondition(second.status()),
                       "opening it a second time gave {}", second.status().ToString());
}

void CheckRows(Trial& trial) {
  if (!trial.OpenNew()) return;
  const WriteBatch full = FullBatch();
  WriteBatch batch;
  batch.names = full.names;
  if (!trial.Commit("keeps-names", batch)) return;
  trial.Compare();
  batch = {};
  batch.records = {MakeRecord(1, 1), MakeRecord(2, 1)};
  trial.Commit("keeps-records", batch);
  trial.Compare();
  batch = {};
  batch.links = full.links;
  trial.Commit("keeps-links", batch);
  trial.Compare();
  batch = {};
  batch.lanes = full.lanes;
  trial.Commit("keeps-lanes", batch);
  trial.Compare();
  batch = {};
  batch.journal = {MakeJournal(1, 1), MakeJournal(2, 1), MakeJournal(3, 2)};
  batch.journal[1].system = 2;
  trial.Commit("keeps-journal-rows", batch);
  trial.Compare();
  batch = {};
  batch.streams = full.streams;
  trial.Commit("keeps-streams", batch);
  trial.Compare();
  batch = {};
  batch.dead_letters = full.dead_letters;
  trial.Commit("keeps-dead-letters", batch);
  trial.Compare();
  batch = {};
  batch.cursors = full.cursors;
  trial.Commit("keeps-cursors", batch);
  trial.Compare();
  batch = {};
  for (const int64_t micros : {1'000'001, 7}) {  // a time may be set back
    batch.latest_time = At(micros);
    batch.doubtful_before = At(2 * micros);
    trial.Commit("counts-on", batch);
    trial.Compare();
  }
}

void CheckValues(Trial& trial) {
  // Bytes.
  if (!trial.OpenNew()) return;
  WriteBatch batch;
  Seq seq = 0;
  NameId name = 0;
  for (const std::string& text : HostileTexts()) {
    ++seq;
    ++name;
    JournalRow journal = MakeFirst(seq);
    journal.change_id = text;
    journal.external_id = text;
    journal.key = text;
    journal.payload = text;
    journal.merged = text;
    journal.fields = text;
    journal.traceparent = text;
    batch.journal.push_back(std::move(journal));
    RecordRow record = MakeRecord(seq, seq);
    record.key = text;
    record.provenance = text;
    batch.records.push_back(std::move(record));
    batch.links.push_back(MakeLink(2, text, seq));
    LaneRow lane = MakeLane(2, seq, LaneState::kReady);
    lane.external_id = text;
    lane.remote_version = text;
    lane.note = text;
    batch.lanes.push_back(std::move(lane));
    DeadLetterRow letter = MakeLetter(seq);
    for (std::string* field : {&letter.reason, &letter.message, &letter.change_id,
                               &letter.external_id, &letter.content, &letter.history}) {
      *field = text;
    }
    batch.dead_letters.push_back(std::move(letter));
    batch.cursors.push_back({name, text});
    batch.names.push_back({name, NameKind::kSystem, text});
  }
  trial.Commit("keeps-any-bytes", batch);
  trial.Compare("keeps-any-bytes");

  // Sizes.
  if (!trial.OpenNew()) return;
  batch = {};
  constexpr Seq kRows = 300;
  for (seq = 1; seq <= kRows; ++seq) {
    batch.journal.push_back(MakeFirst(seq, {3}));
    batch.journal.back().payload = std::string(seq * 10, static_cast<char>('a' + seq % 26));
    batch.records.push_back(MakeRecord(seq, seq));
    batch.lanes.push_back(MakeLane(2, seq, LaneState::kReady));
  }
  batch.journal.back().payload = std::string(1u << 20, 'p');
  batch.records.back().provenance = std::string(1u << 20, 'q');
  batch.lanes.back().note = std::string(100'000, 'n');
  batch.dead_letters = {MakeLetter(1)};
  batch.dead_letters[0].content = std::string(1u << 20, 'c');
  batch.cursors = {{1, std::string(100'000, 'c')}};
  batch.names = {{1, NameKind::kSystem, std::string(10'000, 'n')}};
  trial.Commit("keeps-large-values", batch);
  trial.CompareSmallTables("keeps-large-values");
  trial.CompareJournal("keeps-large-values");
  trial.CompareRecords("keeps-large-values");
  trial.CompareLanes("keeps-large-values");

  // Numbers.
  if (!trial.OpenNew()) return;
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr NameId kNameMost = std::numeric_limits<NameId>::max();
  batch = {};
  batch.journal = {MakeJournal(5, 1), MakeJournal(kMost, kMost)};
  JournalRow& journal = batch.journal.back();
  journal.system = kNameMost - 2000;
  journal.received_at = At(1);
  journal.source_version = std::numeric_limits<int64_t>::min();
  journal.version = std::numeric_limits<int64_t>::max();
  journal.operation = static_cast<model::v1::Operation>(-5);
  journal.type = EntityType::kUnspecified;
  batch.journal.front().source_version = std::numeric_limits<int64_t>::max();
  RecordRow record = MakeRecord(kMost, kMost);
  record.version = std::numeric_limits<int64_t>::max();
  batch.records = {record};
  LaneRow lane = MakeLane(kNameMost, kMost, LaneState::kWaiting);
  lane.done = std::numeric_limits<int64_t>::max();
  lane.attempt_version = std::numeric_limits<int64_t>::min();
  lane.attempts = std::numeric_limits<int32_t>::max();
  lane.probes = std::numeric_limits<int32_t>::min();
  lane.base = kMost;
  batch.lanes = {lane, MakeLane(kNameMost, 1, LaneState::kReady)};
  batch.lanes.back().owed_since = kMost;
  batch.links = {MakeLink(kNameMost - 2000, "most", kMost)};
  batch.streams = {MakeStream(kNameMost, kNameMost)};
  batch.streams[0].claimed_through = kMost;
  batch.streams[0].ready = kMost;
  batch.streams[0].flights = {{.from = 1, .to = kMost, .at = At(1), .due_at = At(2)}};
  batch.cursors = {{kNameMost, "most"}};
  trial.Commit("keeps-extreme-numbers", batch);
  trial.CompareSmallTables("keeps-extreme-numbers");
  trial.CompareRecords("keeps-extreme-numbers");
  trial.CompareLanes("keeps-extreme-numbers");
  trial.ExpectRows<JournalRow>("keeps-extreme-numbers", "ScanJournal",
                               trial.store().ScanJournal(0, 10), batch.journal);

  // Times.
  if (!trial.OpenNew()) return;
  batch = {};
  seq = 0;
  for (const absl::Time time :
       {absl::InfinitePast(), At(-62'135'596'800'000'000), At(-1), At(0), At(1), At(999'999),
        At(253'402'300'799'999'999), absl::InfiniteFuture()}) {
    ++seq;
    batch.journal.push_back(MakeJournal(seq, seq));
    batch.journal.back().received_at = time;
    batch.journal.back().occurred_at = time;
    LaneRow timed = MakeLane(2, seq, LaneState::kRetry);
    timed.first_attempt_at = time;
    timed.owed_at = time;
    timed.due_at = time;
    batch.lanes.push_back(timed);
    batch.dead_letters.push_back(MakeLetter(seq));
    batch.dead_letters.back().created_at = time;
    batch.dead_letters.back().closed_at = time;
    batch.streams.push_back(MakeStream(static_cast<NameId>(seq), 2));
    batch.streams.back().flights[0].at = time;
    batch.streams.back().flights[0].due_at = time;
  }
  trial.Commit("keeps-times", batch);
  trial.Compare("keeps-times");
  for (const absl::Time time : {At(7), absl::InfiniteFuture(), At(3), absl::InfinitePast()}) {
    batch = {};
    batch.latest_time = time;
    batch.doubtful_before = time;
    trial.Commit("keeps-times", batch);
    trial.CompareSmallTables("keeps-times");
  }
}

void CheckReplacing(Trial& trial) {
  if (!trial.OpenNew() || !trial.Commit("replaces-rows", FullBatch())) return;
  WriteBatch batch = FullBatch();
  batch.journal.clear();
  batch.names[0].name = "renamed";
  batch.names[0].kind = NameKind::kDomain;
  batch.records[0].version = 9;
  batch.records[0].key = "";
  batch.records[0].deleted = true;
  batch.links[0].record = 2;
  batch.links.push_back(MakeLink(1, "order 1", 3));  // what the first row stands for
  batch.lanes[0].state = LaneState::kIdle;
  batch.lanes[1].state = LaneState::kReady;
  batch.lanes[1].domain = 5;
  batch.streams[0].flights.clear();
  batch.streams[0].claimed_through = 8;
  batch.streams[1].flights = {{.from = 8, .to = 9, .at = At(1), .due_at = At(2)}};
  batch.dead_letters[0].state = DeadLetterState::kDiscarded;
  batch.dead_letters[0].closed_at = At(7);
  batch.dead_letters[0].reason = "conflict";
  batch.cursors[0].cursor = "";
  batch.latest_time = At(3);
  trial.Commit("replaces-rows", batch);
  trial.Compare("replaces-rows");
  trial.Commit("commits-can-be-repeated", batch);
  trial.Compare("commits-can-be-repeated");
}

void CheckRefusing(Trial& trial) {
  if (!trial.OpenNew() || !trial.Commit("commits-atomically", FullBatch())) return;
  constexpr auto kExists = absl::StatusCode::kAlreadyExists;
  std::vector<JournalRow> rows{MakeJournal(3, 1), MakeJournal(4, 1)};
  auto known = rows;
  known[1].change_id = "change 1";
  trial.Refuse("refuses-known-changes", OtherBatch(known), kExists, "a change that is stored");
  auto twice = rows;
  twice[1].change_id = twice[0].change_id;
  trial.Refuse("refuses-known-changes", OtherBatch(twice), kExists, "a change twice in a batch");
  trial.Refuse("refuses-known-changes", FullBatch(), kExists, "a whole commit again");
  auto old = rows;
  old[0].seq = 2;
  trial.Refuse("refuses-old-sequences", OtherBatch(old), std::nullopt,
               "a sequence that is stored, with another change");
  auto equal = rows;
  equal[1].seq = 3;
  trial.Refuse("refuses-old-sequences", OtherBatch(equal), std::nullopt,
               "two rows of one sequence");
  auto descending = rows;
  std::swap(descending[0].seq, descending[1].seq);
  trial.Refuse("refuses-old-sequences", OtherBatch(descending), std::nullopt,
               "sequences that descend");
  trial.Commit("refused-batches-block-nothing", OtherBatch(rows));
  trial.Compare("refused-batches-block-nothing");
}

void CheckKeys(Trial& trial) {
  if (!trial.OpenNew()) return;
  WriteBatch batch;
  for (Seq seq = 1; seq <= 4; ++seq) {
    batch.journal.push_back(MakeJournal(seq, seq));
    batch.records.push_back(MakeRecord(seq, seq));
    batch.links.push_back(MakeLink(1, fmt::format("order {}", seq), seq));
    batch.lanes.push_back(MakeLane(2, seq, LaneState::kReady));
  }
  // The same change id of two systems is two changes.
  batch.journal[1].system = 2;
  batch.journal[1].change_id = batch.journal[0].change_id;
  if (!trial.Commit("answers-in-key-order", batch)) return;
  trial.Compare();

  // Not ascending, one twice, some that are not there.
  const std::vector<uint64_t> order{4, 9, 1, 3, 1, 0, 2};
  std::vector<std::string> names;
  for (const uint64_t id : order) names.push_back(fmt::format("order {}", id));
  std::vector<std::string> changes;
  for (const uint64_t id : order) changes.push_back(fmt::format("change {}", id == 2 ? 1 : id));
  std::vector<ChangeKey> change_keys;
  std::vector<LinkKey> link_keys;
  std::vector<LaneKey> lane_keys;
  for (size_t i = 0; i < order.size(); ++i) {
    change_keys.push_back({order[i] == 2 ? NameId{2} : NameId{1}, changes[i]});
    link_keys.push_back({1, EntityType::kOrder, names[i]});
    lane_keys.push_back({2, order[i]});
  }
  const auto expect = [&](std::string_view what, const auto& found, const auto& key_of) {
    if (!trial.notes().Expect("answers-in-key-order", found.ok() && found->size() == order.size(),
                              "{} gave {} answers for {} keys", what,
                              found.ok() ? found->size() : 0, order.size())) {
      return;
    }
    for (size_t i = 0; i < order.size(); ++i) {
      const bool is_there = order[i] >= 1 && order[i] <= 4;
      const auto& answer = (*found)[i];
      trial.notes().Expect(
          "answers-in-key-order",
          answer.has_value() == is_there && (!is_there || key_of(*answer) == order[i]),
          "{}: the answer to key {} of {} is that to another", what, i + 1, order.size());
    }
  };
  Store& store = trial.store();
  expect("ReadJournal", store.ReadJournal(order), [](const JournalRow& row) { return row.seq; });
  expect("ReadRecords", store.ReadRecords(order), [](const RecordRow& row) { return row.id; });
  expect("FindChanges", store.FindChanges(change_keys),
         [](const JournalRow& change) { return change.seq; });
  expect("FindLinks", store.FindLinks(link_keys), [](RecordId record) { return record; });
  expect("ReadLanes", store.ReadLanes(lane_keys), [](const LaneRow& row) { return row.record; });
}

namespace {

void CheckLaneScans(Trial& trial) {
  if (!trial.OpenNew()) return;
  WriteBatch batch;
  const LaneState states[] = {LaneState::kReady,   LaneState::kRetry,   LaneState::kIdle,
                              LaneState::kUnknown, LaneState::kWaiting, LaneState::kInFlight};
  // Ties in owed_since and in due_at, in an order that is neither ascending nor descending.
  for (const RecordId record : {5, 30, 3, 14, 1, 22, 2, 11, 29, 8, 17, 4, 21, 9, 26, 7, 12, 16}) {
    for (const NameId target : {2, 3}) {
      LaneRow lane = MakeLane(target, record, states[(record * 7 + target) % 6]);
      lane.domain = record % 5 == 0 ? 5 : 4;
      lane.owed_since = 10 + record / 4;
      lane.due_at =
          record % 7 == 0 ? absl::InfinitePast() : At(100 + static_cast<int64_t>(record / 5));
      batch.lanes.push_back(lane);
    }
  }
  trial.Commit("keeps-lanes", batch);
  trial.CompareLanes();
  // Every lane goes on to the next state, and some to another queue or place in it.
  for (int round = 0; round < 6; ++round) {
    for (LaneRow& lane : batch.lanes) {
      lane.state = states[(static_cast<size_t>(lane.state) + lane.record) % 6];
      if (lane.record % 4 == 0) lane.domain = 9 - lane.domain;
      lane.owed_since += lane.record % 3;
      lane.due_at = At(100 + static_cast<int64_t>((lane.record * (round + 2)) % 6));
    }
    trial.Commit("keeps-lanes", batch);
    trial.CompareLanes();
  }
}

void CheckLinkReads(Trial& trial) {
  if (!trial.OpenNew()) return;
  WriteBatch batch;
  batch.journal = {MakeFirst(1),      MakeFirst(2), MakeFirst(3), MakeJournal(4, 4),
                   MakeJournal(5, 1), MakeFirst(6), MakeFirst(7)};
  batch.journal[1].key.clear();
  // These made no record: version, record or disposition say so.
  batch.journal[3].version = 2;
  batch.journal[5].disposition = Disposition::kNoChange;
  batch.journal[6].record = 1;
  trial.Commit("finds-first-links", batch);
  trial.Compare();
  // Rows say otherwise: of a system's id, of a key, and further names of the same record.
  batch = {};
  batch.links = {MakeLink(1, "order 1", 3), MakeLink(0, "key 3", 1), MakeLink(2, "theirs", 3),
                 MakeLink(1, "order 3", 3)};
  trial.Commit("keeps-links", batch);
  trial.Compare();
  batch.links = {MakeLink(2, "theirs", 2), MakeLink(1, "order 1", 1)};
  trial.Commit("keeps-links", batch);
  trial.Compare();
}

void CheckLetterScans(Trial& trial) {
  if (!trial.OpenNew()) return;
  WriteBatch batch;
  for (uint64_t id = 1; id <= 9; ++id) batch.dead_letters.push_back(MakeLetter(id));
  std::vector<DeadLetterRow>& letters = batch.dead_letters;
  letters[1].state = DeadLetterState::kResolved;
  letters[2].kind = DeadLetterKind::kChange;
  letters[3].system = 7;
  letters[4].type = EntityType::kPrice;
  letters[5].record = 78;
  letters[6].reason = "invalid";
  letters[7].change_id = letters[0].change_id;
  letters[8].external_id = letters[0].external_id;
  trial.Commit("keeps-dead-letters", batch);
  trial.CompareLetters();
  for (DeadLetterRow& letter : letters) {
    letter.state = letter.id % 2 == 0 ? DeadLetterState::kRequeued : DeadLetterState::kDiscarded;
    letter.closed_at = At(200);
  }
  letters.resize(5);
  trial.Commit("keeps-dead-letters", batch);
  trial.CompareLetters();
}

}  // namespace

void CheckScans(Trial& trial) {
  CheckLaneScans(trial);
  CheckLinkReads(trial);
  CheckLetterScans(trial);
  // What is owed, with gaps in the sequences.
  if (!trial.OpenNew()) return;
  WriteBatch batch;
  for (const Seq seq : {1, 2, 3, 5, 6, 7, 10, 11, 12, 15, 17, 18, 20, 21, 24}) {
    if (seq % 5 == 0) {
      batch.journal.push_back(MakeJournal(seq, 1));
    } else {
      batch.journal.push_back(
          MakeFirst(seq, seq % 2 == 0 ? std::vector<NameId>{33, 7} : std::vector<NameId>{3, 77}));
    }
  }
  batch.streams = {MakeStream(33, 2), MakeStream(7, 3), MakeStream(3, 2), MakeStream(77, 3)};
  trial.Commit("keeps-journal-rows", batch);
  trial.Compare();
}

void CheckLasting(Trial& trial) {
  const bool reopens = trial.subject().reopen != nullptr;
  const bool crashes = reopens && trial.subject().crash != nullptr;
  const std::vector<std::vector<JournalRow>> rounds{{MakeJournal(3, 1), MakeFirst(4, {3})},
                                                    {MakeJournal(5, 1)}};
  if (trial.OpenNew() && trial.Commit("recovers", FullBatch())) {
    for (const auto& rows : rounds) {
      const absl::Status status = trial.store().Recover();
      trial.notes().Expect("recovers", status.ok(), "Recover failed: {}", status.ToString());
      trial.Compare("recovers");
      trial.Commit("recovers", OtherBatch(rows));
      trial.Compare("recovers");
    }
  }
  if (reopens && trial.OpenNew() && trial.Commit("survives-reopening", FullBatch())) {
    for (const auto& rows : rounds) {
      if (!trial.Reopen()) break;
      trial.Compare("survives-reopening");
      trial.Commit("survives-reopening", OtherBatch(rows));
    }
    if (trial.Reopen()) trial.Compare("survives-reopening");
  }
  if (crashes && trial.OpenNew() && trial.Commit("survives-a-crash", FullBatch())) {
    for (const auto& rows : rounds) {
      if (!trial.Crash()) return;
      trial.Compare("survives-a-crash");
      if (!trial.notes().Holds("survives-a-crash")) return;
      trial.Commit("survives-a-crash", OtherBatch(rows));
    }
    if (trial.Crash()) trial.Compare("survives-a-crash");
  }
}

void CheckTroubles(Trial& trial) {
  StoreNotes& notes = trial.notes();
  const auto& fill_up = trial.subject().fill_up;
  if (fill_up && trial.OpenNew() && trial.Commit("no-room-writes-nothing", FullBatch())) {
    WriteBatch batch = OtherBatch({MakeJournal(3, 1)});
    batch.journal[0].payload = std::string(1'000'000, 'x');
    if (!fill_up(true)) {
      notes.Skip("no-room-writes-nothing", "the hook `fill_up` cannot take the room away");
    } else {
      const absl::Status status = trial.store().Commit(batch);
      notes.Expect("no-room-writes-nothing", absl::IsResourceExhausted(status),
                   "without room a commit gave {}", status.ToString());
      const absl::Status recovered = trial.store().Recover();
      notes.Expect("no-room-writes-nothing", recovered.ok(), "without room Recover gave {}",
                   recovered.ToString());
      trial.Compare("no-room-writes-nothing");
      fill_up(false);
      trial.Commit("no-room-writes-nothing", batch);
      trial.Compare("no-room-writes-nothing");
    }
  }
}

namespace {

struct Need {
  bool is_met;
  std::string_view otherwise;
  std::vector<Id> checks;
};

void NoteWhatIsMissing(Trial& trial) {
  const StoreSubject& subject = trial.subject();
  const Need needs[] = {
      {subject.reopen != nullptr,
       "no hook `reopen`",
       {"has-one-writer", "survives-reopening", "survives-a-crash"}},
      {subject.crash != nullptr, "no hook `crash`", {"survives-a-crash"}},
      {subject.fill_up != nullptr, "no hook `fill_up`", {"no-room-writes-nothing"}},
      {subject.damage != nullptr,
       "no hook `damage`",
       {"damaged-rows-are-not-served", "expire-keeps-what-is-damaged"}},
  };
  for (const Need& need : needs) {
    if (need.is_met) continue;
    for (const Id check : need.checks) trial.notes().Skip(check, "{}", need.otherwise);
  }
}

}  // namespace
}  // namespace store_kit

KitReport CheckStore(const StoreSubject& subject) {
  store_kit::Trial trial(subject);
  store_kit::NoteWhatIsMissing(trial);
  store_kit::CheckOpening(trial);
  store_kit::CheckRows(trial);
  store_kit::CheckKeys(trial);
  store_kit::CheckScans(trial);
  store_kit::CheckValues(trial);
  store_kit::CheckLasting(trial);
  store_kit::CheckReplacing(trial);
  store_kit::CheckRefusing(trial);
  store_kit::CheckExpiring(trial);
  store_kit::CheckHalves(trial);
  store_kit::CheckTroubles(trial);
  store_kit::CheckDamage(trial);
  store_kit::CheckAtRandom(trial);

  KitReport report;
  report.kit = "store";
  report.subject = trial.described();
  const auto yes_or_no = [](bool yes) { return yes ? "yes" : "no"; };
  report.declared.push_back(
      fmt::format("the kit reopens: {}; crashes: {}; takes the room away: {}; damages: {}",
                  yes_or_no(subject.reopen != nullptr), yes_or_no(subject.crash != nullptr),
                  yes_or_no(subject.fill_up != nullptr), yes_or_no(subject.damage != nullptr)));
  trial.notes().SkipRest("no store could be opened to try it on");
  report.checks = trial.notes().Results();
  return report;
}

}  // namespace retailsync::testing
