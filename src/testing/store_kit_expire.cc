// What a store may forget, rule by rule; and everything at random.
#include "testing/store_trial.h"

namespace retailsync::testing::store_kit {
namespace {

// Journal rows 1 to 5 of record 1, which none of them made; its head is row 5.
WriteBatch History() {
  WriteBatch batch;
  for (Seq seq = 1; seq <= 5; ++seq) batch.journal.push_back(MakeJournal(seq, 1));
  batch.records = {MakeRecord(1, 5)};
  return batch;
}

DeadLetterRow Closed(uint64_t id, absl::Time at) {
  DeadLetterRow letter = MakeLetter(id);
  letter.state = DeadLetterState::kResolved;
  letter.closed_at = at;
  return letter;
}

void CheckWhatIsKept(Trial& trial) {
  constexpr absl::Time kAll = absl::InfiniteFuture();
  if (trial.OpenNew() && trial.Commit("expires-old-rows", History())) {
    trial.Expire("expires-old-rows", MakeJournal(3, 1).received_at);
    trial.Expire("expires-old-rows", MakeJournal(5, 1).received_at);
  }
  if (trial.OpenNew() && trial.Commit("expire-keeps-heads", History())) {
    trial.Expire("expire-keeps-heads", kAll);
  }
  WriteBatch batch = History();
  batch.lanes = {MakeLane(2, 1, LaneState::kIdle), MakeLane(3, 1, LaneState::kIdle)};
  batch.lanes[0].base = 2;
  batch.lanes[1].base = 4;
  if (trial.OpenNew() && trial.Commit("expire-keeps-bases", batch)) {
    trial.Expire("expire-keeps-bases", kAll);
  }
  for (const LaneState state : {LaneState::kReady, LaneState::kInFlight, LaneState::kRetry,
                                LaneState::kUnknown, LaneState::kWaiting}) {
    batch = History();
    batch.journal[1].record = 2;
    batch.lanes = {MakeLane(2, 1, LaneState::kIdle), MakeLane(3, 1, state)};
    if (trial.OpenNew() && trial.Commit("expire-keeps-what-is-owed", batch)) {
      trial.Expire("expire-keeps-what-is-owed", kAll);
    }
  }
  batch = History();
  batch.dead_letters = {MakeLetter(1), MakeLetter(2)};
  batch.dead_letters[0].seq = 3;
  batch.dead_letters[1].seq = 3;
  if (trial.OpenNew() && trial.Commit("expire-keeps-what-letters-name", batch)) {
    trial.Expire("expire-keeps-what-letters-name", kAll);
    for (DeadLetterRow& letter : batch.dead_letters) {
      WriteBatch close;
      letter.state = DeadLetterState::kResolved;
      close.dead_letters = {letter};
      trial.Commit("expire-keeps-what-letters-name", close);
      trial.Expire("expire-keeps-what-letters-name", kAll);
    }
  }
}

void CheckFirstRows(Trial& trial) {
  constexpr absl::Time kAll = absl::InfiniteFuture();
  WriteBatch batch;
  batch.journal = {MakeFirst(1, {20, 21}), MakeFirst(2), MakeJournal(3, 1), MakeJournal(4, 2)};
  batch.streams = {MakeStream(20, 2), MakeStream(21, 3)};
  if (!trial.OpenNew() || !trial.Commit("expire-keeps-first-rows", batch)) return;
  // Both records are their first rows.
  trial.Expire("expire-keeps-first-rows", kAll);
  batch = {};
  batch.journal = {MakeJournal(5, 1), MakeJournal(6, 2)};
  batch.records = {MakeRecord(1, 5), MakeRecord(2, 6)};
  batch.links = {MakeLink(1, "order 2", 7)};  // what row 2 stood for is somebody else's by now
  trial.Commit("expire-keeps-first-rows", batch);
  // Row 1 still stands for two lanes, row 2 for nothing but a link.
  trial.Expire("expire-keeps-first-rows", kAll);
  for (const NameId target : {2, 3}) {
    batch = {};
    batch.lanes = {MakeLane(target, 1, LaneState::kIdle)};
    trial.Commit("expire-keeps-first-rows", batch);
    trial.CompareRecords("expire-keeps-links");
    trial.Expire(target == 2 ? Id("expire-keeps-first-rows") : Id("expire-keeps-links"), kAll);
  }
  if (trial.Reopen()) trial.Compare("expire-keeps-links");
}

// What a stream still owes of first versions, by its row alone; of versions after them nothing goes
// meanwhile.
void CheckStreams(Trial& trial) {
  constexpr Id kCheck = "expire-keeps-what-is-owed";
  constexpr absl::Time kAll = absl::InfiniteFuture();
  // Record 1 is owed by one stream, record 2 by two.
  WriteBatch batch;
  batch.journal = {MakeFirst(1, {20}), MakeFirst(2, {20, 21}), MakeJournal(3, 1),
                   MakeJournal(4, 2),  MakeJournal(5, 1),      MakeJournal(6, 2)};
  batch.records = {MakeRecord(1, 5), MakeRecord(2, 6)};
  batch.streams = {MakeStream(20, 2), MakeStream(21, 3)};
  // Nothing of them is claimed and nothing is under way: both are ready. Then the first is claimed
  // by stream 20, then the other; and then the other by stream 21, too.
  for (StreamRow& row : batch.streams) {
    row.claimed_through = 0;
    row.flights.clear();
  }
  if (!trial.OpenNew() || !trial.Commit(kCheck, batch)) return;
  trial.Expire(kCheck, kAll);
  for (const auto& [stream, claimed_through] :
       {std::pair(0, Seq{1}), std::pair(0, Seq{2}), std::pair(1, Seq{1}), std::pair(1, Seq{2})}) {
    const std::vector<Flight> flight{{.from = 1, .to = 1, .at = At(1), .due_at = At(2)}};
    StreamRow& row = batch.streams[static_cast<size_t>(stream)];
    row.claimed_through = claimed_through;
    // While it is under way nothing goes; what of the record is acknowledged then goes.
    for (const auto& flights : {flight, std::vector<Flight>()}) {
      row.flights = flights;
      WriteBatch claim;
      claim.streams = {row};
      trial.Commit(kCheck, claim);
      trial.Expire(kCheck, kAll);
    }
  }
}

void CheckLetters(Trial& trial) {
  WriteBatch batch;
  batch.dead_letters = {Closed(1, At(200)), Closed(2, At(300)), Closed(3, At(299)), MakeLetter(4),
                        Closed(5, At(1))};
  batch.dead_letters[0].state = DeadLetterState::kRequeued;
  batch.dead_letters[1].state = DeadLetterState::kDiscarded;
  if (!trial.OpenNew() || !trial.Commit("expires-closed-letters", batch)) return;
  trial.Expire("expires-closed-letters", At(300));
  if (trial.Reopen()) trial.Compare("expires-closed-letters");
}

void CheckPieces(Trial& trial) {
  StoreNotes& notes = trial.notes();
  WriteBatch batch = History();
  for (uint64_t id = 1; id <= 3; ++id) {
    batch.dead_letters.push_back(Closed(id, At(static_cast<int64_t>(id))));
  }
  if (!trial.OpenNew() || !trial.Commit("expires-in-pieces", batch)) return;
  ExpireRequest request{.before = MakeJournal(5, 1).received_at, .rows_max = 2, .after_seq = 0};
  uint64_t journal_rows = 0;
  uint64_t dead_letters = 0;
  bool done = false;
  for (int calls = 0; !done && calls < 20; ++calls) {
    const auto result = trial.store().Expire(request);
    if (!notes.Expect("expires-in-pieces", result.ok(), "Expire failed: {}",
                      result.status().ToString())) {
      return;
    }
    const uint64_t forgotten = result->journal_rows + result->dead_letters;
    notes.Expect("expires-in-pieces", forgotten <= 2,
                 "Expire forgot {} at once, where 2 were to be looked at", forgotten);
    journal_rows += result->journal_rows;
    dead_letters += result->dead_letters;
    request.after_seq = result->next_after;
    done = result->done;
  }
  notes.Expect("expires-in-pieces", done && journal_rows == 4 && dead_letters == 3,
               "in pieces of 2 Expire forgot {} journal rows and {} dead letters, not 4 and 3{}",
               journal_rows, dead_letters, done ? "" : ", and it is never done");
}

void CheckAfterwards(Trial& trial) {
  WriteBatch batch;
  batch.journal = {MakeJournal(1, 1), MakeJournal(2, 1)};
  batch.dead_letters = {Closed(3, At(1))};
  batch.names = {MakeName(8)};
  if (!trial.OpenNew() || !trial.Commit("counts-on", batch)) return;
  trial.Expire("expires-old-rows", absl::InfiniteFuture());
  trial.CompareSmallTables("counts-on");
  if (trial.Reopen()) trial.CompareSmallTables("counts-on");
  batch = {};
  batch.journal = {MakeJournal(2, 1)};
  trial.Refuse("refuses-old-sequences", batch, std::nullopt, "a sequence that expired");
  batch.journal = {MakeJournal(3, 1)};
  batch.journal[0].change_id = "change 1";
  trial.Commit("expired-changes-come-again", batch);
  trial.Compare("expired-changes-come-again");
}

}  // namespace

void CheckExpiring(Trial& trial) {
  CheckWhatIsKept(trial);
  CheckFirstRows(trial);
  CheckStreams(trial);
  CheckLetters(trial);
  CheckPieces(trial);
  CheckAfterwards(trial);
}

// -- At random

namespace {

// SplitMix64: the same on every machine.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  // 0 to sides - 1.
  uint64_t Roll(uint64_t sides) {
    uint64_t x = (state_ += 0x9E3779B97F4A7C15u);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return (x ^ (x >> 31)) % sides;
  }

 private:
  uint64_t state_;
};

// A batch such as an engine could write, on few records so that they meet.
// A key stands once in a batch.
WriteBatch RandomBatch(Dice& dice, const Model& model) {
  WriteBatch batch;
  Seq seq = model.counters().last_seq;
  const auto record = [&]() -> RecordId {
    // One that there is, if there is any.
    if (model.records_named().empty()) return 1;
    auto at = model.records_named().begin();
    std::advance(at, dice.Roll(model.records_named().size()));
    return *at;
  };
  for (uint64_t rows = dice.Roll(4); rows > 0; --rows) {
    seq += 1 + dice.Roll(8) / 7;
    if (dice.Roll(2) == 0) {
      const NameId stream = 20 + static_cast<NameId>(dice.Roll(2));
      batch.journal.push_back(
          MakeFirst(seq, dice.Roll(4) == 0 ? std::vector<NameId>{} : std::vector<NameId>{stream}));
    } else {
      const RecordId of = record();
      batch.journal.push_back(MakeJournal(seq, of));
      std::erase_if(batch.records, [&](const RecordRow& row) { return row.id == of; });
      if (dice.Roll(2) == 0) batch.records.push_back(MakeRecord(of, seq));
    }
  }
  for (uint64_t rows = dice.Roll(3); rows > 0; --rows) {
    // One throw after the other: the arguments of a call have no order.
    const auto state = static_cast<LaneState>(dice.Roll(6));
    const RecordId of = record();
    const auto target = 2 + static_cast<NameId>(dice.Roll(2));
    LaneRow lane = MakeLane(target, of, state);
    lane.domain = 4 + static_cast<NameId>(dice.Roll(2));
    lane.owed_since = dice.Roll(20);
    lane.due_at = At(static_cast<int64_t>(dice.Roll(5)));
    // A base is a row of the same record.
    const auto base = model.journal().lower_bound(dice.Roll(seq + 1));
    if (base != model.journal().end() && base->second.record == lane.record) {
      lane.base = base->first;
    }
    std::erase_if(batch.lanes, [&](const LaneRow& row) {
      return row.target == lane.target && row.record == lane.record;
    });
    batch.lanes.push_back(lane);
  }
  if (dice.Roll(3) == 0) {
    const RecordId of = record();
    const std::string name = fmt::format("name {}", dice.Roll(10));
    batch.links = {MakeLink(static_cast<NameId>(dice.Roll(3)), name, of)};
  }
  if (dice.Roll(4) == 0) {
    DeadLetterRow letter = MakeLetter(1 + dice.Roll(model.counters().last_dead_letter + 2));
    letter.state = static_cast<DeadLetterState>(1 + dice.Roll(4));
    letter.closed_at = letter.state == DeadLetterState::kOpen
                           ? absl::InfiniteFuture()
                           : At(static_cast<int64_t>(dice.Roll(seq + 1) * 1'000'000));
    letter.seq = dice.Roll(seq + 1);
    batch.dead_letters = {letter};
  }
  if (dice.Roll(4) == 0) {
    const auto stream = static_cast<NameId>(dice.Roll(2));
    batch.streams = {MakeStream(20 + stream, 2 + stream)};
    batch.streams[0].claimed_through = dice.Roll(seq + 1);
    if (batch.streams[0].claimed_through % 2 == 0) batch.streams[0].flights.clear();
  }
  if (dice.Roll(4) == 0) {
    batch.cursors = {{1 + static_cast<NameId>(dice.Roll(3)), fmt::format("{}", seq)}};
  }
  if (dice.Roll(4) == 0) batch.names = {MakeName(1 + static_cast<NameId>(dice.Roll(30)))};
  if (dice.Roll(4) == 0) batch.latest_time = At(static_cast<int64_t>(dice.Roll(1000)));
  if (dice.Roll(4) == 0) batch.doubtful_before = At(static_cast<int64_t>(dice.Roll(1000)));
  return batch;
}

}  // namespace

void CheckAtRandom(Trial& trial) {
  constexpr Id kCheck = "agrees-with-a-model";
  Dice dice(trial.subject().seed);
  WriteBatch streams;
  streams.streams = {MakeStream(20, 2), MakeStream(21, 3)};
  if (!trial.OpenNew() || !trial.Commit(kCheck, streams)) return;
  for (int commit = 1; commit <= trial.subject().random_commits; ++commit) {
    if (!trial.Commit(kCheck, RandomBatch(dice, trial.model()))) return;
    if (dice.Roll(25) == 0) {
      const Seq until = dice.Roll(trial.model().counters().last_seq + 1);
      trial.Expire(kCheck, MakeJournal(until, 1).received_at);
    }
    if (dice.Roll(25) == 0) trial.Reopen();
    if (commit % 20 == 0) trial.Compare(kCheck);
    // What went wrong once goes on being wrong.
    if (!trial.notes().Holds(kCheck)) return;
  }
  trial.Compare(kCheck);
}

}  // namespace retailsync::testing::store_kit
