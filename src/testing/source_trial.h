// A source under the kit: its polls are guarded, every page is judged by what holds for any page,
// and what was told is remembered.
#ifndef RETAILSYNC_TESTING_SOURCE_TRIAL_H_
#define RETAILSYNC_TESTING_SOURCE_TRIAL_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "retailsync/base/digest.h"
#include "retailsync/testing/source_kit.h"
#include "testing/kit_notes.h"
#include "testing/kit_patience.h"

namespace retailsync::testing::source_kit {

using model::v1::Change;
using model::v1::Entity;
using SourceNotes = NotesOf<kSourceChecks>;

// One change or rejected input, as it was told.
struct Told {
  std::string id;
  Digest content;
  std::optional<Change> change;  // nothing: a rejected input
};

struct Page {
  std::string cursor;  // that was asked for
  std::vector<Told> told;
  std::string next_cursor;
  bool more = false;
};

// What was told from one cursor to the end.
struct Reading {
  std::vector<Page> pages;
  std::string end;     // the last next_cursor
  bool ended = false;  // it came to an end without an error

  // The first time that each id was told, in order.
  std::vector<const Told*> Once() const;
  // Those of the pages from this one on, by id.
  std::map<std::string, Digest> Contents(size_t from_page = 0) const;
  // What was read from its end on.
  void Append(Reading&& more);
};

// By id.
std::map<std::string, Digest> ContentsOf(const Page& page);

// One thing that the kit did to the system.
struct Event {
  Entity entity;  // as it must be told
  bool removed = false;
};

class Trial {
 public:
  explicit Trial(const SourceSubject& subject) : subject_(subject) {}

  const SourceSubject& subject() const { return subject_; }
  SourceNotes& notes() { return notes_; }
  const SourceCapabilities& capabilities() const { return capabilities_; }
  Source& source() { return *source_; }
  // As much as a host would ask for, and more than a page may have.
  int large_page() const { return large_page_; }
  // A cursor that comes back tells the system that what came before it has arrived: no older one is
  // polled with after it.
  bool Confirms() const { return !capabilities_.reads_ahead; }

  std::unique_ptr<Source> Open();
  bool Begin();
  // Goes on with a connector that was opened anew.
  bool Reopen();

  // -- Reading

  // Not judged but for what it throws.
  ConnectorDescription Describe(const Source& source);
  SourceCapabilities Capabilities(const Source& source);
  // A pause that a page asked for is over before the next call, if time can pass.
  absl::StatusOr<PollResponse> Poll(const std::string& cursor, int changes_max,
                                    bool in_other_thread = false);
  // In calm: where it is throttled it polls again after a while, if time can pass.
  absl::StatusOr<PollResponse> PollUntilTaken(const std::string& cursor, int changes_max,
                                              bool in_other_thread = false);
  // How long after its deadline the last poll was back; not positive: in time.
  absl::Duration overdue() const { return overdue_; }
  // One page, judged; an error is given back.
  absl::StatusOr<Page> ReadPage(const std::string& cursor, int changes_max,
                                bool in_other_thread = false);
  // To the end. Errors are findings of `check`.
  Reading Read(SourceNotes::Id check, const std::string& cursor, int changes_max);
  // The same, by whatever reads the page behind a cursor.
  using PageReader = std::function<absl::StatusOr<Page>(const std::string& cursor)>;
  Reading ReadBy(SourceNotes::Id check, const std::string& cursor, const PageReader& read);
  // At least what another page had.
  void ExpectAtLeast(SourceNotes::Id check, const Page& before, const Page& again,
                     const std::string& when);
  bool ExpectAll(SourceNotes::Id check, const std::map<std::string, Digest>& wanted,
                 const Reading& reading, const std::string& when);
  bool ExpectAll(SourceNotes::Id check, const std::map<std::string, Digest>& wanted,
                 const std::map<std::string, Digest>& found, const std::string& when);

  absl::Time Deadline() const;
  void Acknowledge(const std::string& cursor);

  // -- The system behind

  bool CanPut() const { return subject_.put != nullptr; }
  // The types that the kit puts; a type whose first put fails is left out from then on.
  std::vector<EntityType> PutTypes() const;
  // The others, each with what the hook said.
  const std::map<EntityType, std::string>& not_put() const { return not_put_; }
  // False when it could not be done.
  bool Put(EntityType type, const std::string& label, int variant);
  bool Remove(EntityType type, const std::string& label);
  std::string NewLabel() { return subject_.prefix + "-" + std::to_string(++labels_); }
  bool Advance(absl::Duration span);
  // What happened to each entity so far, by type and business key.
  using Story = std::map<std::pair<EntityType, std::string>, std::vector<Event>>;
  const Story& story() const { return story_; }
  Entity Sample(EntityType type, const std::string& label, int variant) const;
  // An entity as the source tells of it.
  Entity ToldAs(const Entity& entity) const;
  // It is told somewhere in the reading, as it was put last.
  bool Tells(const Reading& reading, const Entity& told_as) const;

 private:
  // What the call throws is a finding.
  void Guard(std::string_view what, const std::function<void()>& call);
  void JudgePage(const PollRequest& request, const PollResponse& response);
  void JudgeChange(const Change& change);
  void Need(const Entity& entity);

  const SourceSubject& subject_;
  SourceNotes notes_;
  std::unique_ptr<Source> source_;
  SourceCapabilities capabilities_;
  int large_page_ = 1;
  absl::Duration pause_ = absl::ZeroDuration();  // that is still to be waited
  absl::Duration overdue_ = absl::ZeroDuration();
  int labels_ = 0;
  std::map<EntityType, std::string> not_put_;
  std::set<std::pair<EntityType, std::string>> provided_;  // what others refer to, by type and key
  Story story_;
  std::map<std::string, Digest> contents_;  // of everything that was ever told, by id
  std::optional<std::string> source_name_;
};

// Puts entities that come, change and go, some at the same time.
void PutStory(Trial& trial);
// Puts some more, of one type.
void PutSome(Trial& trial, int count);
// What was told of each entity comes in the same order in pages of another size.
void ExpectSameOrder(Trial& trial, const Reading& large, const Reading& small, int page);

// The groups of checks. `large` is all that was told from `start` on, in large pages.
void CheckPages(Trial& trial, const std::string& start, const Reading& large);
void CheckStory(Trial& trial, const Reading& reading);
void CheckOrder(Trial& trial, const Reading& reading);
// At a cursor behind which there is something to tell.
void CheckThreads(Trial& trial, const std::string& cursor);
// From such a cursor, which moves on where what came of it cannot be seen otherwise.
void CheckTroubles(Trial& trial, std::string* cursor);
// From `end`, where all was read, to where all is read again.
void CheckNews(Trial& trial, std::string* end);
void CheckRejects(Trial& trial, std::string* end);
void CheckAcknowledging(Trial& trial, const std::string& start);
// What is put after everything up to `end` was acknowledged is told.
void CheckAllAcknowledged(Trial& trial, const std::string& end);

// Of a source to which a cursor confirms what came before it: from cursor to cursor, and never
// back. The first is instead of CheckPages, puts the story itself, and returns all that was told.
Reading CheckForward(Trial& trial, const std::string& start);
// Returns the page that it reads.
Reading CheckForwardAcknowledging(Trial& trial, const std::string& from);

}  // namespace retailsync::testing::source_kit

#endif  // RETAILSYNC_TESTING_SOURCE_TRIAL_H_
