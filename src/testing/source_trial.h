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
};

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

  std::unique_ptr<Source> Open();
  bool Begin();
  // Goes on with a connector that was opened anew.
  bool Reopen();

  // -- Reading

  // Not judged but for what it throws.
  ConnectorDescription Describe(const Source& source);
  SourceCapabilities Capabilities(const Source& source);
  absl::StatusOr<PollResponse> Poll(Source& source, const std::string& cursor, int changes_max);
  // One page, judged; an error is given back.
  absl::StatusOr<Page> ReadPage(Source& source, const std::string& cursor, int changes_max);
  // To the end. Errors are findings of `check`.
  Reading Read(SourceNotes::Id check, const std::string& cursor, int changes_max);
  // At least what another page had.
  void ExpectAtLeast(SourceNotes::Id check, const Page& before, const Page& again,
                     const std::string& when);
  bool ExpectAll(SourceNotes::Id check, const std::map<std::string, Digest>& wanted,
                 const Reading& reading, const std::string& when);

  absl::Time Deadline() const;
  void Acknowledge(Source& source, const std::string& cursor);

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
  bool ExpectAll(SourceNotes::Id check, const std::map<std::string, Digest>& wanted,
                 const std::map<std::string, Digest>& found, const std::string& when);

  const SourceSubject& subject_;
  SourceNotes notes_;
  std::unique_ptr<Source> source_;
  SourceCapabilities capabilities_;
  int large_page_ = 1;
  int labels_ = 0;
  std::map<EntityType, std::string> not_put_;
  std::set<std::pair<EntityType, std::string>> provided_;  // what others refer to, by type and key
  Story story_;
  std::map<std::string, Digest> contents_;  // of everything that was ever told, by id
  std::optional<std::string> source_name_;
};

// The groups of checks. `large` is all that was told from `start` on, in large pages.
void CheckPages(Trial& trial, const std::string& start, const Reading& large);
void CheckStory(Trial& trial, const Reading& reading);
void CheckOrder(Trial& trial, const Reading& reading);
// From `end`, where all was read, to where all is read again.
void CheckNews(Trial& trial, std::string* end);
void CheckRejects(Trial& trial, std::string* end);
void CheckTroubles(Trial& trial, const std::string& start);
void CheckThreads(Trial& trial, const std::string& start);
void CheckAcknowledging(Trial& trial, const std::string& start);

}  // namespace retailsync::testing::source_kit

#endif  // RETAILSYNC_TESTING_SOURCE_TRIAL_H_
