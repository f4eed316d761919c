// What must hold of pages and cursors of a source that does not read ahead: a cursor that comes
// back confirms what came before it, so each page is asked for as often as it may be, and then no
// more.
#include <algorithm>

#include "testing/source_trial.h"

namespace retailsync::testing::source_kit {
namespace {

constexpr SourceNotes::Id kAcknowledging = "acknowledging-loses-nothing";

// The first pages and some of the others are asked for again.
bool IsTried(size_t page) {
  return page < 12 || page % 16 == 0;
}

// Asks for a page again, which must tell at least what it told; gives back the last answer.
Page Repeat(Trial& trial, SourceNotes::Id check, Page page, int changes_max, std::string_view by) {
  auto again = trial.ReadPage(page.cursor, changes_max);
  if (!again.ok()) {
    trial.notes().Expect(check, false, "polling again from '{}' failed: {}", page.cursor,
                         std::string(again.status().message()));
    return page;
  }
  trial.ExpectAtLeast(check, page, *again,
                      fmt::format("when '{}' is polled again {}", page.cursor, by));
  return *std::move(again);
}

// To the end, in pages of these sizes by turns. From many a cursor a large page is asked for first,
// and not taken in: what it told, and was not told before, is told by those that are.
Reading ReadForward(Trial& trial, const Reading& before, const std::vector<int>& sizes) {
  SourceNotes& notes = trial.notes();
  std::map<std::string, Digest> wanted;
  Reading large;
  size_t read = 0;
  Reading reading = trial.ReadBy(
      "makes-headway", before.end, [&](const std::string& cursor) -> absl::StatusOr<Page> {
        const int size = sizes[read % sizes.size()];
        if (!IsTried(read++)) return trial.ReadPage(cursor, size);
        if (auto ahead = trial.ReadPage(cursor, trial.large_page()); ahead.ok()) {
          wanted.merge(ContentsOf(*ahead));
          if (large.pages.empty()) large.pages.push_back(*std::move(ahead));
        }
        auto page = trial.ReadPage(cursor, size);
        if (!page.ok()) return page;
        page = Repeat(trial, "repeats-a-page", *std::move(page), size, "");
        if (!trial.Reopen()) return page;
        return Repeat(trial, "repeats-after-reopening", *std::move(page), size,
                      "by a new connector");
      });
  if (!reading.ended) return reading;
  // A page may begin before its cursor, the larger the earlier.
  for (const auto& [id, content] : before.Contents()) wanted.erase(id);
  if (wanted.size() < 2) {
    notes.Skip("tells-all-in-any-pages", "the source told {} changes", wanted.size());
    return reading;
  }
  const std::string when = fmt::format("in pages of {}", fmt::join(sizes, ", "));
  if (trial.ExpectAll("tells-all-in-any-pages", wanted, reading, when) && sizes.size() == 1) {
    ExpectSameOrder(trial, large, reading, sizes.front());
  }
  return reading;
}

// What is behind `cursor` is there in whatever way that cursor is acknowledged.
void ExpectBehind(Trial& trial, const std::string& cursor, const std::string& older) {
  auto behind = trial.ReadPage(cursor, trial.large_page());
  if (!behind.ok()) return;
  const auto expect = [&](std::string_view when) {
    auto again = trial.ReadPage(cursor, trial.large_page());
    if (!trial.notes().Expect(kAcknowledging, again.ok(), "polling from '{}' failed {}: {}", cursor,
                              when, std::string(again.status().message()))) {
      return;
    }
    trial.ExpectAtLeast(kAcknowledging, *behind, *again, std::string(when));
  };
  trial.Acknowledge(cursor);
  expect("after the cursor before it was acknowledged");
  trial.Acknowledge(cursor);
  expect("after the cursor before it was acknowledged twice");
  trial.Acknowledge(older);
  expect("after an older cursor was acknowledged late");
  if (trial.Reopen()) expect("when a new connector goes on from what was acknowledged");
}

}  // namespace

Reading CheckForwardAcknowledging(Trial& trial, const std::string& from) {
  Reading reading;
  reading.end = from;
  auto first = trial.ReadPage(from, 3);
  if (!first.ok() || !first->more) {
    trial.notes().Skip(kAcknowledging, "the source told too little for two pages of 3");
    return reading;
  }
  reading.end = first->next_cursor;
  reading.pages.push_back(*std::move(first));
  ExpectBehind(trial, reading.end, from);
  return reading;
}

Reading CheckForward(Trial& trial, const std::string& start) {
  SourceNotes& notes = trial.notes();
  notes.Skip("goes-on-from-old-cursors",
             "reads_ahead is not declared: no cursor comes back after a newer one");
  Reading all;
  all.end = start;
  if (trial.CanPut()) {
    for (const int page : {trial.large_page(), 1, 2, 3, 7}) {
      PutStory(trial);
      all.Append(ReadForward(trial, all, {page}));
      if (!all.ended) return all;
    }
  } else {
    // There is nothing but this one reading.
    CheckThreads(trial, all.end);
    CheckTroubles(trial, &all.end);
    all.Append(CheckForwardAcknowledging(trial, all.end));
    all.Append(ReadForward(trial, all, {1, 2, 3, 7, trial.large_page()}));
    if (!all.ended) return all;
  }
  // After the end there is nothing that was not told.
  if (auto beyond = trial.ReadPage(all.end, trial.large_page()); beyond.ok()) {
    const auto told = all.Contents();
    notes.Expect("says-more",
                 std::all_of(beyond->told.begin(), beyond->told.end(),
                             [&](const Told& one) { return told.contains(one.id); }),
                 "from '{}', where there was no more, there is something new", all.end);
  }
  return all;
}

}  // namespace retailsync::testing::source_kit
