#include "testing/source_trial.h"

#include <algorithm>
#include <exception>
#include <thread>

#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/validation.h"

namespace retailsync::testing::source_kit {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(30);
constexpr int kPageMost = 10'000;

std::vector<Told> ToldBy(const PollResponse& response) {
  std::vector<Told> told;
  for (const Change& change : response.changes) {
    told.push_back({.id = change.id(), .content = ContentDigest(change), .change = change});
  }
  for (const RejectedInput& reject : response.rejects) {
    told.push_back(
        {.id = reject.id, .content = DigestOf("rejected " + reject.raw), .change = std::nullopt});
  }
  return told;
}

std::map<std::string, Digest> ContentsOf(const std::vector<Told>& told) {
  std::map<std::string, Digest> contents;
  for (const Told& one : told) contents.emplace(one.id, one.content);
  return contents;
}

}  // namespace

std::map<std::string, Digest> ContentsOf(const Page& page) {
  return ContentsOf(page.told);
}

void Reading::Append(Reading&& more) {
  for (Page& page : more.pages) pages.push_back(std::move(page));
  end = std::move(more.end);
  ended = more.ended;
}

std::vector<const Told*> Reading::Once() const {
  std::vector<const Told*> once;
  std::set<std::string> seen;
  for (const Page& page : pages) {
    for (const Told& told : page.told) {
      if (seen.insert(told.id).second) once.push_back(&told);
    }
  }
  return once;
}

std::map<std::string, Digest> Reading::Contents(size_t from_page) const {
  std::map<std::string, Digest> contents;
  for (size_t page = from_page; page < pages.size(); ++page) {
    contents.merge(ContentsOf(pages[page].told));
  }
  return contents;
}

// -- Opening

std::unique_ptr<Source> Trial::Open() {
  absl::StatusOr<std::unique_ptr<Source>> opened =
      absl::InvalidArgumentError("no `open` was given");
  if (subject_.open) {
    if (const auto thrown = ThrownBy([&] { opened = subject_.open(); })) {
      opened = absl::UnknownError("it threw: " + *thrown);
    }
  }
  const std::string why = !opened.ok()         ? std::string(opened.status().message())
                          : *opened == nullptr ? "it gave nothing"
                                               : "";
  if (!notes_.Expect("opens", why.empty(), "opening the connector failed: {}", why)) return nullptr;
  return *std::move(opened);
}

bool Trial::Begin() {
  source_ = Open();
  if (source_ == nullptr) return false;
  capabilities_ = Capabilities(*source_);
  large_page_ = std::min(kPageMost, 2 * std::clamp(capabilities_.page_changes_max, 1, kPageMost));
  return true;
}

bool Trial::Reopen() {
  auto opened = Open();
  if (opened == nullptr) return false;
  source_ = std::move(opened);
  return true;
}

absl::Time Trial::Deadline() const {
  return subject_.clock == nullptr ? absl::InfiniteFuture() : subject_.clock->Now() + kCallTimeout;
}

bool Trial::Advance(absl::Duration span) {
  if (!subject_.advance) return false;
  subject_.advance(span);
  pause_ -= std::min(pause_, span);
  return true;
}

// -- Reading

void Trial::Guard(std::string_view what, const std::function<void()>& call) {
  const auto thrown = ThrownBy(call);
  notes_.Expect("throws-nothing", !thrown.has_value(), "{} threw: {}", what, thrown.value_or(""));
}

ConnectorDescription Trial::Describe(const Source& source) {
  ConnectorDescription description;
  Guard("Describe", [&] { description = source.Describe(); });
  return description;
}

SourceCapabilities Trial::Capabilities(const Source& source) {
  SourceCapabilities capabilities;
  Guard("Capabilities", [&] { capabilities = source.Capabilities(); });
  return capabilities;
}

absl::StatusOr<PollResponse> Trial::Poll(const std::string& cursor, int changes_max,
                                         bool in_other_thread) {
  if (pause_ > absl::ZeroDuration()) Advance(pause_);
  const PollRequest request{.cursor = cursor, .changes_max = changes_max, .deadline = Deadline()};
  absl::StatusOr<PollResponse> response = absl::UnknownError("Poll threw");
  Guard("Poll", [&] {
    if (!in_other_thread) {
      response = source_->Poll(request);
      return;
    }
    std::exception_ptr thrown;
    std::thread([&] {
      try {
        response = source_->Poll(request);
      } catch (...) {
        thrown = std::current_exception();
      }
    }).join();
    if (thrown != nullptr) std::rethrow_exception(thrown);
  });
  overdue_ = subject_.clock == nullptr ? -absl::InfiniteDuration()
                                       : subject_.clock->Now() - request.deadline;
  if (response.ok()) pause_ = std::max(pause_, PauseOf(response->throttle));
  return response;
}

absl::StatusOr<PollResponse> Trial::PollUntilTaken(const std::string& cursor, int changes_max,
                                                   bool in_other_thread) {
  absl::Duration pause = kFirstPause;
  for (int repeats = 0;; ++repeats) {
    auto response = Poll(cursor, changes_max, in_other_thread);
    if (!absl::IsResourceExhausted(response.status()) || repeats == kRepeatsMax ||
        !Advance(std::min(pause, kPauseMost))) {
      return response;
    }
    pause *= 4;
  }
}

void Trial::Acknowledge(const std::string& cursor) {
  Guard("Acknowledge", [&] { source_->Acknowledge(cursor); });
}

void Trial::JudgePage(const PollRequest& request, const PollResponse& response) {
  const size_t told = response.changes.size() + response.rejects.size();
  if (told > 0) {
    notes_.Expect("keeps-its-limits", told <= static_cast<size_t>(request.changes_max),
                  "{} were told where {} were asked for at most", told, request.changes_max);
    notes_.Expect("keeps-its-limits",
                  told <= static_cast<size_t>(std::max(capabilities_.page_changes_max, 0)),
                  "{} were told in one page, and page_changes_max is {}", told,
                  capabilities_.page_changes_max);
  }
  notes_.Expect("pauses-sensibly",
                response.throttle.pause >= absl::ZeroDuration() &&
                    response.throttle.pause < absl::InfiniteDuration(),
                "a page asks for a pause of {}", absl::FormatDuration(response.throttle.pause));
  // Without a cursor it would begin anew.
  if (told > 0 || !request.cursor.empty()) {
    notes_.Expect("has-a-cursor", !response.next_cursor.empty(),
                  "from the cursor '{}' {} were told, and next_cursor is empty", request.cursor,
                  told);
  }
  for (const Change& change : response.changes) JudgeChange(change);
  for (const RejectedInput& reject : response.rejects) {
    notes_.Expect("rejects-carry-everything", !reject.id.empty(), "a reject has no id: {}",
                  reject.reason);
    notes_.Expect("rejects-carry-everything", !reject.reason.empty(), "reject '{}' has no reason",
                  reject.id);
    notes_.Expect("rejects-carry-everything", !reject.raw.empty(), "reject '{}' has no raw content",
                  reject.id);
  }
  for (const Told& one : ToldBy(response)) {
    const auto [known, is_new] = contents_.try_emplace(one.id, one.content);
    if (is_new) continue;
    notes_.Expect("ids-name-one-change", known->second == one.content,
                  "the id '{}' was told before with other content", one.id);
  }
}

void Trial::JudgeChange(const Change& change) {
  const auto violations = ValidateChange(change);
  notes_.Expect("changes-are-valid", violations.empty(), "change '{}': {}", change.id(),
                retailsync::Describe(violations));
  const EntityType type = TypeOf(change.entity());
  if (type != EntityType::kUnspecified) {
    notes_.Expect("tells-declared-entities", capabilities_.entities.contains(type),
                  "change '{}' is of a {}, which is not declared", change.id(), Name(type));
  }
  if (!capabilities_.deletes) {
    notes_.Expect("tells-declared-deletes", change.operation() != model::v1::OPERATION_DELETE,
                  "change '{}' is a delete", change.id());
  }
  if (!source_name_.has_value()) source_name_ = change.source();
  notes_.Expect("names-one-source", change.source() == *source_name_,
                "change '{}' is of '{}', others are of '{}'", change.id(), change.source(),
                *source_name_);
}

absl::StatusOr<Page> Trial::ReadPage(const std::string& cursor, int changes_max,
                                     bool in_other_thread) {
  auto response = PollUntilTaken(cursor, changes_max, in_other_thread);
  if (!response.ok()) return response.status();
  JudgePage({.cursor = cursor, .changes_max = changes_max}, *response);
  return Page{.cursor = cursor,
              .told = ToldBy(*response),
              .next_cursor = std::move(response->next_cursor),
              .more = response->more};
}

Reading Trial::Read(SourceNotes::Id check, const std::string& cursor, int changes_max) {
  return ReadBy(check, cursor, [&](const std::string& at) { return ReadPage(at, changes_max); });
}

Reading Trial::ReadBy(SourceNotes::Id check, const std::string& cursor, const PageReader& read) {
  Reading reading;
  reading.end = cursor;
  size_t told = 0;
  const auto told_max = static_cast<size_t>(subject_.changes_read_max);
  std::set<std::string> passed{cursor};
  while (true) {
    auto page = read(reading.end);
    if (!page.ok()) {
      notes_.Expect(check, false, "polling from '{}' failed: {}", reading.end,
                    std::string(page.status().message()));
      return reading;
    }
    told += page->told.size();
    reading.end = page->next_cursor;
    reading.pages.push_back(*std::move(page));
    if (!reading.pages.back().more) {
      notes_.Expect("makes-headway", true, "");
      reading.ended = true;
      return reading;
    }
    const bool is_new = passed.insert(reading.end).second;
    // A page that tells nothing is counted as well: there may be some, but not without end.
    const bool may_end = told <= told_max && reading.pages.size() <= told_max;
    if (!notes_.Expect("makes-headway", is_new && may_end,
                       "after {} changes in {} pages there is more, from the cursor '{}'{}", told,
                       reading.pages.size(), reading.end, is_new ? "" : ", which was passed")) {
      return reading;
    }
  }
}

bool Trial::ExpectAll(SourceNotes::Id check, const std::map<std::string, Digest>& wanted,
                      const std::map<std::string, Digest>& found, const std::string& when) {
  std::set<Digest> contents;
  for (const auto& [id, content] : found) contents.insert(content);
  bool holds = true;
  for (const auto& [id, content] : wanted) {
    const bool told = found.contains(id);
    // Under another id it was told, too: that is another fault.
    if (!told && contents.contains(content)) {
      notes_.Expect("ids-are-stable", false, "what was told as '{}' has another id {}", id, when);
      continue;
    }
    notes_.Expect("ids-are-stable", true, "");
    holds = notes_.Expect(check, told, "'{}' was told, and is missing {}", id, when) && holds;
  }
  return holds;
}

void Trial::ExpectAtLeast(SourceNotes::Id check, const Page& before, const Page& again,
                          const std::string& when) {
  ExpectAll(check, ContentsOf(before.told), ContentsOf(again.told), when);
}

bool Trial::ExpectAll(SourceNotes::Id check, const std::map<std::string, Digest>& wanted,
                      const Reading& reading, const std::string& when) {
  return ExpectAll(check, wanted, reading.Contents(), when);
}

// -- The system behind

Entity Trial::Sample(EntityType type, const std::string& label, int variant) const {
  const SampleRequest request{
      .type = type, .label = label, .variant = variant, .shared = subject_.prefix + "-S"};
  return subject_.make ? subject_.make(request) : MakeSample(request);
}

Entity Trial::ToldAs(const Entity& entity) const {
  return subject_.told_as ? subject_.told_as(entity) : entity;
}

std::vector<EntityType> Trial::PutTypes() const {
  std::vector<EntityType> types;
  for (const EntityType type : capabilities_.entities) {
    if (!not_put_.contains(type)) types.push_back(type);
  }
  return types;
}

// Puts what the entity refers to, once. What the system does not take is missed by what refers to
// it, if it is.
void Trial::Need(const Entity& entity) {
  for (const EntityReference& reference : ReferencesOf(entity)) {
    if (reference.key.empty() || !provided_.emplace(reference.type, reference.key).second) continue;
    const Entity needed = Sample(reference.type, reference.key, 1);
    Need(needed);
    if (!subject_.put(needed).ok() || !capabilities_.entities.contains(reference.type)) continue;
    const Entity told = ToldAs(needed);
    story_[{reference.type, BusinessKey(told)}].push_back({.entity = told});
  }
}

bool Trial::Put(EntityType type, const std::string& label, int variant) {
  if (!subject_.put || not_put_.contains(type)) return false;
  const Entity entity = Sample(type, label, variant);
  Need(entity);
  if (const absl::Status status = subject_.put(entity); !status.ok()) {
    not_put_.emplace(type, status.message());
    return false;
  }
  const Entity told = ToldAs(entity);
  story_[{type, BusinessKey(told)}].push_back({.entity = told});
  return true;
}

bool Trial::Remove(EntityType type, const std::string& label) {
  if (!subject_.remove) return false;
  const Entity told = ToldAs(Sample(type, label, 1));
  std::vector<Event>& events = story_[{type, BusinessKey(told)}];
  if (events.empty() || !subject_.remove(events.back().entity).ok()) return false;
  events.push_back({.entity = told, .removed = true});
  return true;
}

bool Trial::Tells(const Reading& reading, const Entity& told_as) const {
  const Digest wanted = CanonicalDigest(told_as);
  for (const Page& page : reading.pages) {
    for (const Told& told : page.told) {
      if (told.change.has_value() && told.change->operation() != model::v1::OPERATION_DELETE &&
          (CanonicalDigest(told.change->entity()) == wanted ||
           (told.change->operation() == model::v1::OPERATION_PATCH &&
            BusinessKey(told.change->entity()) == BusinessKey(told_as)))) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace retailsync::testing::source_kit
