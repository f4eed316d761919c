#include "testing/store_trial.h"

namespace retailsync::testing::store_kit {
namespace {

constexpr int kRowsMost = 100'000;
constexpr uint64_t kNoSuchId = 999'999;

template <typename Map>
std::vector<typename Map::mapped_type> RowsOf(const Map& map) {
  std::vector<typename Map::mapped_type> rows;
  for (const auto& [key, row] : map) rows.push_back(row);
  return rows;
}

// For reads whose order nobody promises.
template <typename Row>
absl::StatusOr<std::vector<Row>> Sorted(absl::StatusOr<std::vector<Row>> rows) {
  if (rows.ok()) {
    std::sort(rows->begin(), rows->end(),
              [](const Row& a, const Row& b) { return FieldsOf(a) < FieldsOf(b); });
  }
  return rows;
}

template <typename Row>
std::vector<Row> First(std::vector<Row> rows, int rows_max) {
  if (rows.size() > static_cast<size_t>(rows_max)) {
    rows.erase(rows.begin() + rows_max, rows.end());
  }
  return rows;
}

}  // namespace

bool Trial::Take(absl::StatusOr<std::unique_ptr<Store>> opened, std::string_view how) {
  const std::string why = !opened.ok()         ? std::string(opened.status().message())
                          : *opened == nullptr ? "it gave nothing"
                                               : "";
  if (!notes_.Expect("opens", why.empty(), "opening {} failed: {}", how, why)) {
    store_.reset();
    return false;
  }
  store_ = *std::move(opened);
  if (described_.empty()) described_ = store_->Describe();
  return true;
}

bool Trial::OpenNew() {
  store_.reset();
  model_ = Model();
  if (!subject_.open_new) return Take(absl::InvalidArgumentError("no `open_new` was given"), "");
  return Take(subject_.open_new(), "in a new place");
}

bool Trial::Reopen() {
  if (!subject_.reopen || !notes_.Holds("survives-reopening")) return false;
  store_.reset();
  return Take(subject_.reopen(), "again");
}

absl::Status Trial::ReopenDamaged() {
  store_.reset();
  auto opened = subject_.reopen();
  if (absl::IsDataLoss(opened.status())) return opened.status();
  return Take(std::move(opened), "again") ? absl::OkStatus() : absl::UnavailableError("not opened");
}

bool Trial::Crash() {
  if (!subject_.crash || !subject_.reopen) return false;
  subject_.crash(std::move(store_));
  return Take(subject_.reopen(), "after a crash");
}

bool Trial::Commit(Id check, const WriteBatch& batch) {
  if (store_ == nullptr) return false;
  const absl::Status status = store_->Commit(batch);
  if (!notes_.Expect(check, status.ok(), "a commit that must be taken failed: {}",
                     std::string(status.message()))) {
    return false;
  }
  model_.Commit(batch);
  return true;
}

void Trial::Refuse(Id check, const WriteBatch& batch, std::optional<absl::StatusCode> code,
                   std::string_view what) {
  if (store_ == nullptr) return;
  const absl::Status status = store_->Commit(batch);
  const bool holds = !status.ok() && (!code.has_value() || status.code() == *code);
  notes_.Expect(check, holds, "{}: the commit gave {}", what, status.ToString());
  // As an engine does after any error.
  if (notes_.Holds("recovers")) {
    const absl::Status recovered = store_->Recover();
    notes_.Expect("recovers", recovered.ok(), "after a refused batch Recover gave {}",
                  recovered.ToString());
  }
  Compare("commits-atomically");
}

Id Trial::Blame(Instead instead, Id usual) const {
  return notes_.Holds(usual) ? instead.Or(usual) : usual;
}

void Trial::Expire(Id asked, absl::Time before) {
  if (store_ == nullptr) return;
  const Id check = Blame(asked, "expires-old-rows");
  const Model::Forgotten wanted = model_.Expire(before);
  Model::Forgotten found;
  ExpireRequest request{.before = before, .rows_max = 1000, .after_seq = 0};
  for (int calls = 0; calls < 1000; ++calls) {
    auto result = store_->Expire(request);
    if (!notes_.Expect(check, result.ok(), "Expire failed: {}",
                       std::string(result.status().message()))) {
      return;
    }
    found.journal_rows += result->journal_rows;
    found.dead_letters += result->dead_letters;
    request.after_seq = result->next_after;
    if (result->done) break;
  }
  notes_.Expect(
      check, found.journal_rows == wanted.journal_rows && found.dead_letters == wanted.dead_letters,
      "Expire forgot {} journal rows and {} dead letters, not {} and {}", found.journal_rows,
      found.dead_letters, wanted.journal_rows, wanted.dead_letters);
  Compare(check);
}

// -- Comparing

void Trial::Compare(Instead instead) {
  CompareSmallTables(instead);
  CompareJournal(instead);
  CompareRecords(instead);
  CompareLanes(instead);
  CompareOwed(instead);
  CompareLetters(instead);
}

void Trial::CompareSmallTables(Instead instead) {
  if (store_ == nullptr) return;
  ExpectRows<NameRow>(Blame(instead, "keeps-names"), "ReadNames", Sorted(store_->ReadNames()),
                      *Sorted<NameRow>(RowsOf(model_.names())));
  ExpectRows<StreamRow>(Blame(instead, "keeps-streams"), "ReadStreams",
                        Sorted(store_->ReadStreams()),
                        *Sorted<StreamRow>(RowsOf(model_.streams())));
  ExpectRows<CursorRow>(Blame(instead, "keeps-cursors"), "ReadCursors",
                        Sorted(store_->ReadCursors()),
                        *Sorted<CursorRow>(RowsOf(model_.cursors())));
  const auto counters = store_->ReadCounters();
  const Id check = Blame(instead, "counts-on");
  if (notes_.Expect(check, counters.ok(), "ReadCounters failed: {}",
                    std::string(counters.status().message()))) {
    const std::string difference = Difference(FieldsOf(model_.counters()), FieldsOf(*counters));
    notes_.Expect(check, difference.empty(), "ReadCounters: {}", difference);
  }
}

void Trial::CompareJournal(Instead instead) {
  if (store_ == nullptr) return;
  // Keys ascend here; in what order they are answered is a check of its own.
  std::vector<Seq> seqs{0};
  std::vector<std::optional<JournalRow>> wanted(seqs.size());
  for (const auto& [seq, row] : model_.journal()) {
    seqs.push_back(seq);
    wanted.emplace_back(row);
  }
  seqs.push_back(model_.counters().last_seq + 1);
  wanted.emplace_back();
  ExpectAnswers(Blame(instead, "keeps-journal-rows"), "ReadJournal", store_->ReadJournal(seqs),
                wanted);

  const Id scans = Blame(instead, "scans-the-journal");
  const std::vector<JournalRow> all = RowsOf(model_.journal());
  for (const int rows_max : {1, 2, 7, kRowsMost}) {
    const Seq middle = all.empty() ? 5 : all[all.size() / 2].seq;
    for (const Seq from : {Seq{0}, Seq{1}, middle, middle + 1, kNoSuchId}) {
      std::vector<JournalRow> page;
      for (const JournalRow& row : all) {
        if (row.seq >= from) page.push_back(row);
      }
      ExpectRows<JournalRow>(scans, fmt::format("ScanJournal from {}, at most {}", from, rows_max),
                             store_->ScanJournal(from, rows_max), First(page, rows_max));
    }
  }

  std::set<ChangeName> names = model_.changes_named();
  for (const auto& [system, id] : model_.changes_named()) names.emplace(system + 1000, id);
  names.emplace(1, "no such change");
  std::vector<ChangeKey> keys;
  std::vector<std::optional<JournalRow>> changes;
  for (const ChangeName& name : names) {
    keys.push_back({name.first, name.second});
    changes.push_back(model_.FindChange(name));
  }
  ExpectAnswers(Blame(instead, "finds-changes"), "FindChanges", store_->FindChanges(keys), changes);
}

void Trial::CompareRecords(Instead instead) {
  if (store_ == nullptr) return;
  std::vector<RecordId> ids{0};
  std::vector<std::optional<RecordRow>> rows(ids.size());
  for (const RecordId id : model_.records_named()) {
    if (model_.IsStoodFor(id)) continue;  // whether such a row is given is the store's business
    const auto found = model_.records().find(id);
    ids.push_back(id);
    rows.push_back(found == model_.records().end() ? std::nullopt
                                                   : std::optional<RecordRow>(found->second));
  }
  ids.push_back(kNoSuchId);
  rows.emplace_back();
  ExpectAnswers(Blame(instead, "keeps-records"), "ReadRecords", store_->ReadRecords(ids), rows);

  std::set<LinkName> names = model_.links_named();
  for (const auto& [system, type, id] : model_.links_named()) {
    names.emplace(system + 1000, type, id);
    names.emplace(system, EntityType::kPayment, id);
  }
  // Whether or not the rows stand for them.
  for (const auto& [seq, row] : model_.journal()) {
    names.emplace(row.system, row.type, row.external_id);
    names.emplace(0, row.type, row.key);
  }
  names.emplace(1, EntityType::kOrder, "no such id");
  std::vector<LinkKey> keys;
  std::vector<std::optional<RecordId>> links;
  for (const LinkName& name : names) {
    keys.push_back({std::get<0>(name), std::get<1>(name), std::get<2>(name)});
    links.push_back(model_.FindLink(name));
  }
  const bool has_firsts = std::any_of(model_.journal().begin(), model_.journal().end(),
                                      [](const auto& entry) { return entry.second.IsFirst(); });
  ExpectAnswers(Blame(instead, has_firsts ? Id("finds-first-links") : Id("keeps-links")),
                "FindLinks", store_->FindLinks(keys), links);
  for (const RecordId id : model_.records_named()) {
    ExpectRows<LinkRow>(Blame(instead, "lists-links-of-a-record"), fmt::format("LinksOf({})", id),
                        Sorted(store_->LinksOf(id)), *Sorted<LinkRow>(model_.LinksOf(id)));
  }
}

void Trial::CompareLanes(Instead instead) {
  if (store_ == nullptr) return;
  std::vector<LaneKey> keys;
  std::vector<std::optional<LaneRow>> rows;
  std::set<std::pair<NameId, NameId>> queues{{2, 4}, {2, 5}};
  std::set<ReadyPlace> places{{0, 0}, {kNoSuchId, kNoSuchId}};
  std::set<absl::Time> due{absl::InfinitePast(), absl::InfiniteFuture()};
  for (const auto& [name, row] : model_.lanes()) {
    keys.push_back({row.target, row.record});
    rows.emplace_back(row);
    queues.emplace(row.target, row.domain);
    if (places.size() < 8) {
      places.insert({row.owed_since, row.record});
      places.insert({row.owed_since, 0});
    }
    if (due.size() < 6) due.insert(row.due_at);
  }
  keys.push_back({kNoSuchId, 1});
  rows.emplace_back();
  ExpectAnswers(Blame(instead, "keeps-lanes"), "ReadLanes", store_->ReadLanes(keys), rows);
  for (const auto& [target, domain] : queues) {
    for (const int rows_max : {1, 3, kRowsMost}) {
      for (const ReadyPlace after : places) {
        ExpectRows<LaneRow>(
            Blame(instead, "scans-ready-lanes"),
            fmt::format("ScanReady of target {}, domain {}, after ({}, {}), at most {}", target,
                        domain, after.owed_since, after.record, rows_max),
            store_->ScanReady(target, domain, after, rows_max),
            First(model_.Ready(target, domain, after), rows_max));
      }
      for (const absl::Time until : due) {
        ExpectRows<LaneRow>(
            Blame(instead, "scans-delayed-lanes"),
            fmt::format("ScanDelayed of target {}, domain {}, until {}, at most {}", target, domain,
                        absl::FormatTime(until, absl::UTCTimeZone()), rows_max),
            store_->ScanDelayed(target, domain, until, rows_max),
            First(model_.Delayed(target, domain, until), rows_max));
      }
    }
  }
  ExpectRows<LaneCount>(Blame(instead, "counts-lanes"), "CountLanes", Sorted(store_->CountLanes()),
                        *Sorted<LaneCount>(model_.CountLanes()));
}

void Trial::CompareOwed(Instead instead) {
  if (store_ == nullptr) return;
  const Id check = Blame(instead, "scans-what-is-owed");
  std::set<NameId> streams{7};
  for (const auto& [seq, row] : model_.journal()) {
    streams.insert(row.owed.begin(), row.owed.end());
  }
  const Seq middle = model_.counters().last_seq / 2;
  struct Limits {
    int seqs_max;
    int rows_max;
  };
  for (const NameId stream : streams) {
    for (const Limits limits :
         {Limits{1, kRowsMost}, Limits{100, 2}, Limits{2, 3}, Limits{1000, kRowsMost}}) {
      for (const Seq from : {Seq{0}, middle}) {
        std::vector<Seq> seqs;
        Seq after = from;
        bool done = false;
        for (size_t calls = 0; !done && calls <= model_.journal().size() + 1; ++calls) {
          auto page = store_->ScanOwed(stream, after, limits.seqs_max, limits.rows_max);
          if (!notes_.Expect(check, page.ok(), "ScanOwed failed: {}",
                             std::string(page.status().message()))) {
            return;
          }
          done = page->done;
          const bool in_bounds =
              page->seqs.size() <= static_cast<size_t>(limits.seqs_max) &&
              (page->seqs.empty() || page->seqs.back() <= page->looked_through) &&
              (done || page->looked_through > after);
          notes_.Expect(check, in_bounds,
                        "ScanOwed of stream {} after {}, at most {}, gave {}, looked through {}",
                        stream, after, limits.seqs_max, page->seqs.size(), page->looked_through);
          if (!in_bounds) return;
          seqs.insert(seqs.end(), page->seqs.begin(), page->seqs.end());
          after = page->looked_through;
        }
        const std::vector<Seq> wanted = model_.Owed(stream, from);
        notes_.Expect(check, done && seqs == wanted,
                      "ScanOwed of stream {} after {}, {} at a time, looking at {}: {} in all, not "
                      "{}{}",
                      stream, from, limits.seqs_max, limits.rows_max, seqs.size(), wanted.size(),
                      done ? "" : ", and it is never done");
      }
    }
  }
}

void Trial::CompareLetters(Instead instead) {
  if (store_ == nullptr) return;
  for (uint64_t id = 0; id <= model_.counters().last_dead_letter + 1; ++id) {
    const auto found = store_->ReadDeadLetter(id);
    const auto wanted = model_.letters().find(id);
    const Id check = Blame(instead, "keeps-dead-letters");
    if (!notes_.Expect(check, found.ok(), "ReadDeadLetter failed: {}",
                       std::string(found.status().message()))) {
      continue;
    }
    const std::string difference = DifferenceOf(wanted == model_.letters().end()
                                                    ? std::nullopt
                                                    : std::optional<DeadLetterRow>(wanted->second),
                                                *found);
    notes_.Expect(check, difference.empty(), "ReadDeadLetter({}): {}", id, difference);
  }
  std::vector<DeadLetterFilter> filters(1);
  filters.emplace_back().state = std::nullopt;
  for (const auto& [id, row] : model_.letters()) {
    if (filters.size() > 60) break;
    // Each field alone, of every state, so that only that field can leave something out.
    const auto add = [&]() -> DeadLetterFilter& {
      DeadLetterFilter& filter = filters.emplace_back();
      filter.state = std::nullopt;
      return filter;
    };
    add().state = row.state;
    add().kind = row.kind;
    add().system = row.system;
    add().type = row.type;
    add().record = row.record;
    add().reason = row.reason;
    add().change_id = row.change_id;
    add().external_id = row.external_id;
    add().after_id = id;
  }
  for (DeadLetterFilter filter : filters) {
    for (const int rows_max : {1, 2, kRowsMost}) {
      filter.rows_max = rows_max;
      ExpectRows<DeadLetterRow>(
          Blame(instead, "scans-dead-letters"),
          fmt::format("ScanDeadLetters after {}, at most {}", filter.after_id, rows_max),
          store_->ScanDeadLetters(filter), First(model_.Letters(filter), rows_max));
    }
  }
  for (const DeadLetterState state : {DeadLetterState::kOpen, DeadLetterState::kRequeued,
                                      DeadLetterState::kDiscarded, DeadLetterState::kResolved}) {
    const auto count = store_->CountDeadLetters(state);
    notes_.Expect(Blame(instead, "counts-dead-letters"),
                  count.ok() && *count == model_.CountLetters(state),
                  "CountDeadLetters of state {}: {}, not {}", static_cast<int>(state),
                  count.ok() ? fmt::format("{}", *count) : std::string(count.status().message()),
                  model_.CountLetters(state));
  }
}

}  // namespace retailsync::testing::store_kit
