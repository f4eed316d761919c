#include "testing/simulator/feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace retailsync::testing {

namespace {

const std::string kWebhookPrefix = "webhook/";

}  // namespace

size_t Feed::Add(Statement statement) {
  const size_t number = statements_.size();
  for (const RevisionId& revision : statement.revisions) world_.model.Tellable(revision, 1);
  // The first with an id is the one that counts: a contradiction has the id of another.
  by_id_.try_emplace(statement.change.id(), number);
  hidden_.emplace(std::max(statement.visible_at, world_.queue.now()), number);
  statements_.push_back(std::move(statement));
  return number;
}

std::string Feed::WebhookId(const std::string& change_id) {
  return kWebhookPrefix + change_id;
}

std::optional<size_t> Feed::FindById(const std::string& change_id) const {
  const bool is_webhook = change_id.starts_with(kWebhookPrefix);
  const auto found = by_id_.find(is_webhook ? change_id.substr(kWebhookPrefix.size()) : change_id);
  if (found == by_id_.end()) return std::nullopt;
  return found->second;
}

uint64_t Feed::ShowByWebhook(size_t number) {
  NoteShown(statements_[number]);
  const uint64_t moment = ++world_.moment;
  for (const RevisionId& revision : statements_[number].revisions) {
    world_.model.OfferedByWebhook(revision, moment);
  }
  return moment;
}

void Feed::TakeByWebhook(size_t number, uint64_t moment, const std::string& change_id) {
  Take({number, moment, world_.EngineNow()}, moment, change_id);
}

void Feed::Take(const Shown& shown, uint64_t settled, const std::string& change_id) {
  Statement& statement = statements_[shown.number];
  if (!statement.taken) {
    statement.taken = true;
    statement.taken_at = taken_at_.try_emplace(change_id, shown.at).first->second;
    statement.taken_as = change_id;
    statement.known_taken_at = world_.queue.now();
  }
  for (const RevisionId& revision : statement.revisions) {
    world_.model.Taken(revision, shown.moment, settled);
  }
}

void Feed::Withdraw(size_t number) {
  for (const RevisionId& revision : statements_[number].revisions) {
    world_.model.Tellable(revision, -1);
  }
}

Feed::Cursor Feed::Parse(const std::string& text) {
  Cursor cursor;
  long long second = 0;
  unsigned long long number = 0;
  long long pass = 0;
  unsigned long long page = 0;
  if (std::sscanf(text.c_str(), "%lld.%llu.%lld#%llu", &second, &number, &pass, &page) == 4) {
    cursor = {{second, number}, pass, page};
  }
  return cursor;
}

std::string Feed::ToText(const Cursor& cursor) {
  return fmt::format("{}.{}.{}#{}", cursor.after.first, cursor.after.second, cursor.pass,
                     cursor.page);
}

void Feed::Learn(uint64_t page) {
  const auto last = given_.find(page);
  if (last == given_.end()) return;
  const uint64_t settled = ++world_.moment;
  // Those that led to it were taken with it, where nothing was heard of them since.
  for (auto next = last; next != given_.end(); next = given_.find(next->second.before)) {
    for (const Shown& shown : next->second.shown) {
      Take(shown, settled, statements_[shown.number].change.id());
    }
  }
  given_.erase(given_.begin(), std::next(last));
}

// Its row shows something newer from now on.
void Feed::NeverShow(size_t number) {
  if (!statements_[number].was_shown && !traits_.webhooks) Withdraw(number);
}

void Feed::Settle() {
  while (!hidden_.empty() && hidden_.begin()->first <= world_.queue.now()) {
    const size_t number = hidden_.begin()->second;
    hidden_.erase(hidden_.begin());
    log_.push_back(number);
    if (!traits_.rows_by_time) continue;
    // An entity has one row, which shows what was said of it last.
    const Statement& statement = statements_[number];
    const Place place{statement.change.time().seconds(), number};
    const auto [row, is_new] = row_of_.try_emplace(statement.entity, place);
    if (!is_new) {
      const Statement& before = statements_[row->second.second];
      if (before.change.source_version() > statement.change.source_version()) {
        NeverShow(number);
        continue;
      }
      if (!before.taken) {
        world_.coverage.Reach(Fault::kRowMoved, Always::kAlways);
      }
      NeverShow(row->second.second);
      rows_.erase(row->second);
      row->second = place;
    }
    rows_.insert(place);
  }
}

void Feed::Put(PollResponse* response, std::vector<Shown>* page, size_t number) {
  Statement& statement = statements_[number];
  statement.was_shown = true;
  NoteShown(statement);
  const uint64_t moment = ++world_.moment;
  for (const RevisionId& revision : statement.revisions) world_.model.Offered(revision, moment);
  page->push_back({number, moment, world_.EngineNow()});
  if (statement.reject.has_value()) {
    response->rejects.push_back(*statement.reject);
  } else {
    response->changes.push_back(statement.change);
  }
}

Feed::Cursor Feed::ReadLog(Cursor cursor, size_t changes_max, PollResponse* response,
                           std::vector<Shown>* page) {
  const size_t end = std::min(log_.size(), cursor.after.second + changes_max);
  for (size_t i = cursor.after.second; i < end; ++i) Put(response, page, log_[i]);
  response->more = end < log_.size();
  cursor.after = {0, end};
  return cursor;
}

Feed::Cursor Feed::ReadRows(Cursor cursor, size_t changes_max, PollResponse* response,
                            std::vector<Shown>* page) {
  if (cursor.pass == 0) {
    cursor.pass = absl::ToUnixSeconds(Epoch()) + (world_.queue.now() + clock_error_) / kSecond;
  }
  auto row = rows_.upper_bound(cursor.after);
  for (; row != rows_.end() && page->size() < changes_max; ++row) {
    Put(response, page, row->second);
    cursor.after = *row;
  }
  response->more = row != rows_.end();
  if (response->more) {
    if (row->first == cursor.after.first) {
      world_.coverage.Reach(Fault::kPageShared, Always::kAlways);
    }
  } else {
    // A row that did not show yet when this pass went by shows after it began: the next pass goes
    // as far back as such a row's time may lie.
    cursor.after = {cursor.pass - kLateMax / kSecond - 1, 0};
    cursor.pass = 0;
  }
  return cursor;
}

PollResponse Feed::Page(const PollRequest& request) {
  Settle();
  PollResponse response;
  const Cursor before = Parse(request.cursor);
  if (!traits_.acknowledgements) Learn(before.page);
  std::vector<Shown> page;
  const auto changes_max =
      static_cast<size_t>(std::min(request.changes_max, traits_.page_changes_max));
  Cursor after = before;
  if (!traits_.rows_by_time && request.cursor.empty()) after.after = {0, 0};
  after = traits_.rows_by_time ? ReadRows(after, changes_max, &response, &page)
                               : ReadLog(after, changes_max, &response, &page);
  // Where nothing is new the cursor stays as it is.
  const bool is_news =
      response.more || std::any_of(page.begin(), page.end(), [&](const Shown& shown) {
        return !statements_[shown.number].taken;
      });
  response.next_cursor = request.cursor;
  if (is_news) {
    after.page = ++pages_;
    response.next_cursor = ToText(after);
    given_[after.page] = {before.page, std::move(page)};
  }
  return response;
}

}  // namespace retailsync::testing
