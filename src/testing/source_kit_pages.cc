// What must hold of pages and cursors: in any size, again, from anywhere, after a failure.
#include <algorithm>

#include "testing/source_trial.h"

namespace retailsync::testing::source_kit {
namespace {

// Small pages have many edges.
constexpr int kSmallPages[] = {1, 2, 3, 7};
constexpr int kPagesTried = 12;

// Evenly spread over the pages, at most kPagesTried of them.
std::vector<size_t> SomeOf(size_t pages) {
  std::vector<size_t> some;
  const size_t step = std::max<size_t>(1, pages / kPagesTried);
  for (size_t i = 0; i < pages; i += step) some.push_back(i);
  return some;
}

// The ids of each entity in the order in which they were first told.
std::map<std::pair<EntityType, std::string>, std::vector<std::string>> OrderOf(
    const Reading& reading) {
  std::map<std::pair<EntityType, std::string>, std::vector<std::string>> order;
  for (const Told* told : reading.Once()) {
    if (!told->change.has_value()) continue;
    order[{TypeOf(told->change->entity()), told->change->subject()}].push_back(told->id);
  }
  return order;
}

}  // namespace

void ExpectSameOrder(Trial& trial, const Reading& large, const Reading& small, int page) {
  const auto order = OrderOf(small);
  for (const auto& [name, ids] : OrderOf(large)) {
    const auto found = order.find(name);
    if (found == order.end() || ids.size() < 2) continue;
    std::vector<std::string> common;
    for (const std::string& id : found->second) {
      if (std::find(ids.begin(), ids.end(), id) != ids.end()) common.push_back(id);
    }
    if (common.size() < ids.size()) continue;  // found guilty of that before
    trial.notes().Expect("keeps-the-order", common == ids,
                         "{} '{}': in pages of {} its changes come in another order",
                         Name(name.first), name.second, page);
  }
}

void CheckPages(Trial& trial, const std::string& start, const Reading& large) {
  SourceNotes& notes = trial.notes();
  const auto all = large.Contents();
  if (all.size() < 2) {
    const std::string why = fmt::format("the source told {} changes", all.size());
    notes.Skip("tells-all-in-any-pages", "{}", why);
    notes.Skip("goes-on-from-old-cursors", "{}", why);
    return;
  }
  trial.ExpectAll("repeats-a-page", all, trial.Read("repeats-a-page", start, trial.large_page()),
                  "when all is read a second time");
  // After the end there is nothing that was not told.
  if (auto beyond = trial.ReadPage(large.end, trial.large_page()); beyond.ok()) {
    notes.Expect("says-more",
                 std::all_of(beyond->told.begin(), beyond->told.end(),
                             [&](const Told& told) { return all.contains(told.id); }),
                 "from '{}', where there was no more, there is something new", large.end);
  }

  for (const int page : kSmallPages) {
    const Reading small = trial.Read("tells-all-in-any-pages", start, page);
    if (!small.ended) continue;
    const std::string when = fmt::format("in pages of {}", page);
    if (!trial.ExpectAll("tells-all-in-any-pages", all, small, when)) continue;
    ExpectSameOrder(trial, large, small, page);
    const std::vector<size_t> some = SomeOf(small.pages.size());
    // Again, from the last to the first.
    for (auto at = some.rbegin(); at != some.rend(); ++at) {
      const Page& before = small.pages[*at];
      auto again = trial.ReadPage(before.cursor, page);
      if (!notes.Expect("repeats-a-page", again.ok(), "polling again from '{}' failed: {}",
                        before.cursor, std::string(again.status().message()))) {
        continue;
      }
      trial.ExpectAtLeast("repeats-a-page", before, *again,
                          fmt::format("when '{}' is polled again", before.cursor));
    }
    if (!trial.Reopen()) return;
    for (const size_t at : some) {
      const Page& before = small.pages[at];
      auto again = trial.ReadPage(before.cursor, page);
      if (!notes.Expect("repeats-after-reopening", again.ok(), "polling from '{}' failed: {}",
                        before.cursor, std::string(again.status().message()))) {
        continue;
      }
      trial.ExpectAtLeast("repeats-after-reopening", before, *again,
                          fmt::format("when '{}' is polled by a new connector", before.cursor));
    }
    const size_t middle = small.pages.size() / 2;
    for (const size_t at : {middle, middle / 2, small.pages.size() - 1}) {
      const std::string& cursor = small.pages[at].cursor;
      trial.ExpectAll("goes-on-from-old-cursors", small.Contents(at),
                      trial.Read("goes-on-from-old-cursors", cursor, trial.large_page()),
                      fmt::format("when reading goes on from the older cursor '{}'", cursor));
    }
  }
}

void CheckThreads(Trial& trial, const std::string& cursor) {
  auto here = trial.ReadPage(cursor, trial.large_page());
  if (!here.ok()) return;
  auto there = trial.ReadPage(cursor, trial.large_page(), /*in_other_thread=*/true);
  if (!trial.notes().Expect("works-from-any-thread", there.ok(),
                            "a poll from another thread failed: {}",
                            std::string(there.status().message()))) {
    return;
  }
  trial.ExpectAtLeast("works-from-any-thread", *here, *there, "when another thread polls");
}

void CheckAcknowledging(Trial& trial, const std::string& start) {
  constexpr SourceNotes::Id kCheck = "acknowledging-loses-nothing";
  const Reading reading = trial.Read(kCheck, start, 3);
  if (!reading.ended || reading.pages.size() < 3) {
    trial.notes().Skip(kCheck, "the source told too little for three pages of 3");
    return;
  }
  const size_t middle = reading.pages.size() / 2;
  const std::string cursor = reading.pages[middle].cursor;
  const auto behind = reading.Contents(middle);
  const auto expect = [&](const std::string& when) {
    trial.ExpectAll(kCheck, behind, trial.Read(kCheck, cursor, trial.large_page()), when);
  };
  // Everything was read; only the first half is acknowledged.
  trial.Acknowledge(cursor);
  expect("after the cursor before it was acknowledged");
  trial.Acknowledge(cursor);
  expect("after the cursor before it was acknowledged twice");
  trial.Acknowledge(start);
  expect("after an older cursor was acknowledged late");
  if (trial.Reopen()) expect("when a new connector goes on from what was acknowledged");
  CheckAllAcknowledged(trial, reading.end);
}

void CheckAllAcknowledged(Trial& trial, const std::string& end) {
  constexpr SourceNotes::Id kCheck = "acknowledging-loses-nothing";
  trial.Acknowledge(end);
  const std::vector<EntityType> types = trial.PutTypes();
  const std::string label = trial.NewLabel();
  if (types.empty() || !trial.Put(types.front(), label, 1)) return;
  const Reading next = trial.Read(kCheck, end, trial.large_page());
  trial.notes().Expect(kCheck,
                       trial.Tells(next, trial.ToldAs(trial.Sample(types.front(), label, 1))),
                       "{} {} was put after everything was acknowledged, and is not told",
                       Name(types.front()), label);
}

// -- Troubles

namespace {

bool IsCredentials(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
}

struct TroubleRule {
  Trouble trouble;
  SourceNotes::Id check;
  bool (*holds)(const absl::Status& status);
};

const TroubleRule kTroubleRules[] = {
    {Trouble::kUnreachable, "unreachable-is-an-error",
     [](const absl::Status& status) {
       return !status.ok() && !absl::IsResourceExhausted(status) && !IsCredentials(status);
     }},
    {Trouble::kLostAnswer, "unreachable-is-an-error",
     [](const absl::Status& status) {
       return !status.ok() && !absl::IsResourceExhausted(status) && !IsCredentials(status);
     }},
    {Trouble::kThrottled, "throttled-is-resource-exhausted",
     [](const absl::Status& status) { return absl::IsResourceExhausted(status); }},
    {Trouble::kUnauthorised, "refused-credentials-are-unauthenticated", &IsCredentials},
    {Trouble::kSlow, "keeps-its-deadline", [](const absl::Status&) { return true; }},
};

}  // namespace

void CheckTroubles(Trial& trial, std::string* cursor) {
  constexpr SourceNotes::Id kLoses = "failures-lose-nothing";
  const TroubleMaker& trouble = trial.subject().trouble;
  if (!trouble) return;
  SourceNotes& notes = trial.notes();
  // What is told from the cursor on. Where a cursor confirms what came before it that is one page,
  // so that the same cursor can be polled with again.
  const auto tell = [&] {
    if (!trial.Confirms()) return trial.Read(kLoses, *cursor, trial.large_page()).Contents();
    auto page = trial.ReadPage(*cursor, trial.large_page());
    if (page.ok()) return ContentsOf(*page);
    notes.Expect(kLoses, false, "polling from '{}' failed: {}", *cursor,
                 std::string(page.status().message()));
    return std::map<std::string, Digest>();
  };
  auto calm = tell();
  for (const TroubleRule& rule : kTroubleRules) {
    if (rule.trouble == Trouble::kSlow && trial.subject().clock == nullptr) continue;
    if (!trouble(rule.trouble)) {
      notes.Skip(rule.check, "the hook `trouble` cannot make this");
      continue;
    }
    // What the system throttles on its own account has not met the trouble yet.
    const auto response = rule.trouble == Trouble::kThrottled
                              ? trial.Poll(*cursor, trial.large_page())
                              : trial.PollUntilTaken(*cursor, trial.large_page());
    const absl::Duration overdue = trial.overdue();
    trouble(Trouble::kNone);
    notes.Expect(rule.check, rule.holds(response.status()), "in trouble ({}) a poll gives {}",
                 Name(rule.trouble),
                 response.ok() ? fmt::format("a page of {}", response->changes.size())
                               : response.status().ToString());
    if (rule.trouble == Trouble::kSlow) {
      notes.Expect("keeps-its-deadline", overdue <= absl::ZeroDuration(),
                   "a poll was back {} after its deadline", absl::FormatDuration(overdue));
    }
    trial.ExpectAll(kLoses, calm, tell(),
                    fmt::format("after a poll in trouble ({})", Name(rule.trouble)));
    if (!response.ok()) continue;
    // What the page did not tell is told from its cursor on.
    auto wanted = calm;
    for (const Change& change : response->changes) wanted.erase(change.id());
    for (const RejectedInput& reject : response->rejects) wanted.erase(reject.id);
    const Reading behind = trial.Read(kLoses, response->next_cursor, trial.large_page());
    trial.ExpectAll(
        kLoses, wanted, behind,
        fmt::format("behind the page that was given in trouble ({})", Name(rule.trouble)));
    if (!trial.Confirms()) continue;
    *cursor = behind.end;
    PutSome(trial, 5);
    calm = tell();
  }
}

}  // namespace retailsync::testing::source_kit
