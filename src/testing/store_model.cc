#include "testing/store_model.h"

#include <algorithm>

namespace retailsync::testing::store_kit {
namespace {

// The links that a journal row stands for, if it made its record.
std::vector<LinkName> LinksOfFirst(const JournalRow& row) {
  std::vector<LinkName> links;
  if (!row.IsFirst()) return links;
  links.emplace_back(row.system, row.type, row.external_id);
  if (!row.key.empty()) links.emplace_back(0, row.type, row.key);
  return links;
}

LinkRow RowOf(const LinkName& name, RecordId record) {
  return {.system = std::get<0>(name),
          .type = std::get<1>(name),
          .external_id = std::get<2>(name),
          .record = record};
}

}  // namespace

void Model::Commit(const WriteBatch& batch) {
  for (const NameRow& row : batch.names) {
    names_[row.id] = row;
    counters_.last_name = std::max(counters_.last_name, row.id);
  }
  for (const StreamRow& row : batch.streams) {
    streams_[row.id] = row;
    counters_.last_name = std::max(counters_.last_name, row.id);
  }
  for (const JournalRow& row : batch.journal) {
    journal_[row.seq] = row;
    counters_.last_seq = std::max(counters_.last_seq, row.seq);
    changes_[{row.system, row.change_id}] = row.seq;
    changes_named_.emplace(row.system, row.change_id);
    records_named_.insert(row.record);
    for (const LinkName& link : LinksOfFirst(row)) {
      first_links_[link] = row.record;
      links_named_.insert(link);
    }
  }
  for (const RecordRow& row : batch.records) {
    records_[row.id] = row;
    records_named_.insert(row.id);
  }
  for (const LinkRow& row : batch.links) {
    const LinkName name(row.system, row.type, row.external_id);
    links_[name] = row.record;
    links_named_.insert(name);
    records_named_.insert(row.record);
  }
  for (const LaneRow& row : batch.lanes) lanes_[{row.target, row.record}] = row;
  for (const DeadLetterRow& row : batch.dead_letters) {
    letters_[row.id] = row;
    counters_.last_dead_letter = std::max(counters_.last_dead_letter, row.id);
  }
  for (const CursorRow& row : batch.cursors) cursors_[row.system] = row;
  if (batch.latest_time.has_value()) counters_.latest_time = *batch.latest_time;
  if (batch.doubtful_before.has_value()) counters_.doubtful_before = *batch.doubtful_before;
}

std::optional<JournalRow> Model::FindChange(const ChangeName& name) const {
  const auto found = changes_.find(name);
  if (found == changes_.end()) return std::nullopt;
  return journal_.at(found->second);
}

std::optional<RecordId> Model::FindLink(const LinkName& name) const {
  if (const auto found = links_.find(name); found != links_.end()) return found->second;
  const auto first = first_links_.find(name);
  return first == first_links_.end() ? std::nullopt : std::optional<RecordId>(first->second);
}

std::vector<LinkRow> Model::LinksOf(RecordId record) const {
  std::vector<LinkRow> rows;
  for (const LinkName& name : links_named_) {
    if (FindLink(name) == record) rows.push_back(RowOf(name, record));
  }
  return rows;
}

bool Model::IsStoodFor(RecordId record) const {
  const auto first = journal_.find(record);
  return !records_.contains(record) && first != journal_.end() && first->second.IsFirst();
}

bool Model::IsStoodFor(const LaneName& lane) const {
  const auto first = journal_.find(lane.second);
  if (lanes_.contains(lane) || first == journal_.end() || !first->second.IsFirst()) return false;
  return std::any_of(first->second.owed.begin(), first->second.owed.end(), [&](NameId stream) {
    const auto found = streams_.find(stream);
    return found == streams_.end() || found->second.target == lane.first;
  });
}

std::vector<Seq> Model::Owed(NameId stream, Seq after) const {
  std::vector<Seq> seqs;
  for (const auto& [seq, row] : journal_) {
    if (seq > after && std::find(row.owed.begin(), row.owed.end(), stream) != row.owed.end()) {
      seqs.push_back(seq);
    }
  }
  return seqs;
}

std::vector<LaneRow> Model::Ready(NameId target, NameId domain, ReadyPlace after) const {
  std::vector<LaneRow> rows;
  for (const auto& [name, row] : lanes_) {
    if (row.target == target && row.domain == domain && row.state == LaneState::kReady &&
        ReadyPlace{row.owed_since, row.record} > after) {
      rows.push_back(row);
    }
  }
  std::sort(rows.begin(), rows.end(), [](const LaneRow& a, const LaneRow& b) {
    return std::pair(a.owed_since, a.record) < std::pair(b.owed_since, b.record);
  });
  return rows;
}

std::vector<LaneRow> Model::Delayed(NameId target, NameId domain, absl::Time until) const {
  std::vector<LaneRow> rows;
  for (const auto& [name, row] : lanes_) {
    if (row.target == target && row.domain == domain && row.state != LaneState::kReady &&
        row.state != LaneState::kIdle && row.due_at <= until) {
      rows.push_back(row);
    }
  }
  std::sort(rows.begin(), rows.end(), [](const LaneRow& a, const LaneRow& b) {
    return std::pair(a.due_at, a.record) < std::pair(b.due_at, b.record);
  });
  return rows;
}

std::vector<LaneCount> Model::CountLanes() const {
  std::map<std::tuple<NameId, NameId, LaneState>, uint64_t> counted;
  for (const auto& [name, row] : lanes_) {
    if (row.state != LaneState::kIdle) ++counted[{row.target, row.domain, row.state}];
  }
  std::vector<LaneCount> counts;
  for (const auto& [queue, lanes] : counted) {
    counts.push_back({.target = std::get<0>(queue),
                      .domain = std::get<1>(queue),
                      .state = std::get<2>(queue),
                      .lanes = lanes});
  }
  return counts;
}

std::vector<DeadLetterRow> Model::Letters(const DeadLetterFilter& filter) const {
  std::vector<DeadLetterRow> rows;
  for (const auto& [id, row] : letters_) {
    if (id > filter.after_id && (!filter.state || row.state == *filter.state) &&
        (!filter.kind || row.kind == *filter.kind) &&
        (!filter.system || row.system == *filter.system) &&
        (!filter.type || row.type == *filter.type) &&
        (!filter.record || row.record == *filter.record) &&
        (filter.reason.empty() || row.reason == filter.reason) &&
        (filter.change_id.empty() || row.change_id == filter.change_id) &&
        (filter.external_id.empty() || row.external_id == filter.external_id)) {
      rows.push_back(row);
    }
  }
  return rows;
}

uint64_t Model::CountLetters(DeadLetterState state) const {
  return static_cast<uint64_t>(
      std::count_if(letters_.begin(), letters_.end(),
                    [&](const auto& entry) { return entry.second.state == state; }));
}

bool Model::IsNeeded(const JournalRow& row) const {
  const auto record = records_.find(row.record);
  if (record == records_.end() ? row.IsFirst() : record->second.head == row.seq) return true;
  for (const auto& [name, lane] : lanes_) {
    if (lane.base == row.seq) return true;
    if (lane.record == row.record && lane.state != LaneState::kIdle) return true;
  }
  for (const auto& [id, letter] : letters_) {
    if (letter.state == DeadLetterState::kOpen && letter.seq == row.seq) return true;
  }
  if (row.IsFirst() && std::any_of(row.owed.begin(), row.owed.end(),
                                   [&](NameId stream) { return IsOwedBy(stream, row.record); })) {
    return true;
  }
  const auto first = journal_.find(row.record);
  return first != journal_.end() && first->second.IsFirst() &&
         std::any_of(first->second.owed.begin(), first->second.owed.end(), [&](NameId stream) {
           const auto found = streams_.find(stream);
           return IsOwedBy(stream, row.record) &&
                  (found == streams_.end() || !found->second.flights.empty() ||
                   row.record > found->second.claimed_through);
         });
}

// By the stream, that is without a row of its own.
bool Model::IsOwedBy(NameId stream, RecordId record) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() || !lanes_.contains({found->second.target, record});
}

Model::Forgotten Model::Expire(absl::Time before) {
  Forgotten forgotten;
  for (auto at = letters_.begin(); at != letters_.end();) {
    const bool goes = at->second.state != DeadLetterState::kOpen && at->second.closed_at < before;
    forgotten.dead_letters += goes ? 1 : 0;
    at = goes ? letters_.erase(at) : std::next(at);
  }
  for (auto at = journal_.begin(); at != journal_.end();) {
    const JournalRow& row = at->second;
    if (row.received_at >= before || IsNeeded(row)) {
      ++at;
      continue;
    }
    for (const LinkName& link : LinksOfFirst(row)) {
      links_.try_emplace(link, row.record);
      first_links_.erase(link);
    }
    changes_.erase({row.system, row.change_id});
    ++forgotten.journal_rows;
    at = journal_.erase(at);
  }
  return forgotten;
}

}  // namespace retailsync::testing::store_kit
