#include "testing/sink_trial.h"

#include <algorithm>
#include <numeric>
#include <thread>

#include "retailsync/model/v1/canonical.h"

namespace retailsync::testing::sink_kit {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(30);
constexpr int kProbesMax = 4;
constexpr int kPagesMax = 20'000;

}  // namespace

std::string PathsThatDiffer(const Entity& before, const Entity& after) {
  std::string text;
  int shown = 0;
  for (const FieldDifference& difference : Diff(before, after)) {
    if (++shown > 3) return text + ", …";
    text += fmt::format("{}{} ('{}', not '{}')", text.empty() ? "" : ", ", difference.path,
                        difference.after, difference.before);
  }
  return text;
}

std::string Say(const Outcome& outcome) {
  std::string text(Name(outcome));
  if (!outcome.external_id.empty()) text += fmt::format(" as '{}'", outcome.external_id);
  if (!outcome.remote_version.empty()) text += fmt::format(" at '{}'", outcome.remote_version);
  if (!outcome.message.empty()) text += ": " + outcome.message;
  return text;
}

std::string_view Say(Presence presence) {
  switch (presence) {
    case Presence::kPresent:
      return "present";
    case Presence::kAbsent:
      return "absent";
    case Presence::kUndetermined:
      break;
  }
  return "undetermined";
}

bool IsThrottled(const Outcome& outcome, const Throttle& throttle) {
  return outcome.kind == OutcomeKind::kNotApplied &&
         (outcome.reason == Reason::kThrottled ||
          (outcome.reason == Reason::kTransient && PauseOf(throttle) > absl::ZeroDuration()));
}

std::string Specimen::Name() const {
  return fmt::format("{} {}", retailsync::Name(type), label);
}

// -- Opening

std::unique_ptr<Sink> Trial::Open() {
  absl::StatusOr<std::unique_ptr<Sink>> opened = absl::InvalidArgumentError("no `open` was given");
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
  sink_ = Open();
  if (sink_ == nullptr) return false;
  capabilities_ = Capabilities(*sink_);
  shared_label_ = subject_.prefix + "-S";
  return true;
}

absl::Time Trial::Deadline() const {
  return subject_.clock == nullptr ? absl::InfiniteFuture() : subject_.clock->Now() + kCallTimeout;
}

absl::Time Trial::Now() const {
  return subject_.clock == nullptr ? absl::FromUnixSeconds(1767225600) : subject_.clock->Now();
}

bool Trial::Advance(absl::Duration span) {
  if (!subject_.advance) return false;
  subject_.advance(span);
  pause_ -= std::min(pause_, span);
  return true;
}

// -- What is sent

Entity Trial::Sample(EntityType type, const std::string& label, int variant) const {
  const SampleRequest request{
      .type = type, .label = label, .variant = variant, .shared = shared_label_};
  return subject_.make ? subject_.make(request) : MakeSample(request);
}

Specimen Trial::Make(EntityType type, const std::string& suffix) {
  return MakeLabelled(type, fmt::format("{}-{}{}", subject_.prefix, ++specimens_, suffix));
}

Specimen Trial::MakeLabelled(EntityType type, std::string label) {
  Specimen specimen;
  specimen.type = type;
  specimen.label = std::move(label);
  specimen.record = ++records_;
  specimen.entity = Sample(type, specimen.label, 1);
  Need(specimen.entity);
  return specimen;
}

// Applies what the entity refers to, as far as the sink takes it.
void Trial::Need(const Entity& entity) {
  for (const EntityReference& reference : ReferencesOf(entity)) {
    if (!capabilities_.entities.contains(reference.type) || reference.key.empty()) continue;
    if (!provided_.try_emplace({reference.type, reference.key}).second) continue;
    Specimen needed;
    needed.type = reference.type;
    needed.label = reference.key;
    needed.record = ++records_;
    needed.entity = Sample(needed.type, needed.label, 1);
    Need(needed.entity);
    const Outcome outcome = SendNext(needed);
    notes_.Expect("takes-what-it-declares", outcome.kind == OutcomeKind::kApplied,
                  "{}, which others refer to, was sent and is {}", needed.Name(), Say(outcome));
    provided_[{reference.type, reference.key}] = needed.external_id;
  }
}

ApplyItem Trial::Item(const Specimen& specimen) const {
  ApplyItem item;
  item.idempotency_key = DigestOf(fmt::format("{}|{}|{}|{}", subject_.prefix, Name(specimen.type),
                                              specimen.label, specimen.version))
                             .Hex();
  item.type = specimen.type;
  item.entity = specimen.entity;
  item.record = specimen.record;
  item.version = specimen.version;
  item.external_id = specimen.external_id;
  item.remote_version = specimen.remote_version;
  return item;
}

ApplyItem Trial::NextWith(Specimen& specimen, Entity entity) {
  ++specimen.version;
  specimen.entity = std::move(entity);
  ApplyItem item = Item(specimen);
  for (EntityReference& reference : ReferencesOf(specimen.entity)) {
    const auto found = provided_.find({reference.type, reference.key});
    if (found == provided_.end()) continue;
    item.references.push_back({std::move(reference), found->second});
  }
  return item;
}

ApplyItem Trial::Next(Specimen& specimen) {
  ++specimen.variant;
  return NextWith(specimen, Sample(specimen.type, specimen.label, specimen.variant));
}

ApplyItem Trial::NextDelete(Specimen& specimen) {
  ++specimen.version;
  ApplyItem item = Item(specimen);
  item.operation = model::v1::OPERATION_DELETE;
  return item;
}

ProbeItem Trial::AsProbe(const ApplyItem& item) const {
  ProbeItem probe;
  probe.idempotency_key = item.idempotency_key;
  probe.type = item.type;
  probe.operation = item.operation;
  probe.entity = item.entity;
  probe.external_id = item.external_id;
  if (const auto sent = first_sent_.find(item.idempotency_key); sent != first_sent_.end()) {
    probe.first_attempt_at = sent->second;
  } else {
    // Long enough ago for every effect to show.
    probe.first_attempt_at = Now() - capabilities_.probe_delay - absl::Minutes(1);
  }
  return probe;
}

// -- Calls

template <typename Call>
auto Trial::Guarded(std::string_view what, Call call) -> decltype(call()) {
  decltype(call()) answer;
  std::optional<std::string> thrown;
  const auto run = [&] { thrown = ThrownBy([&] { answer = call(); }); };
  if (elsewhere_) {
    std::thread(run).join();
  } else {
    run();
  }
  notes_.Expect(
      elsewhere_ ? SinkNotes::Id("works-from-any-thread") : SinkNotes::Id("throws-nothing"),
      !thrown.has_value(), "{} threw: {}", what, thrown.value_or(""));
  return answer;
}

absl::Time Trial::BeginCall() {
  if (pause_ > absl::ZeroDuration()) Advance(pause_);
  return Deadline();
}

void Trial::EndCall(absl::Time deadline, const Throttle& throttle) {
  overdue_ = subject_.clock == nullptr ? -absl::InfiniteDuration() : Now() - deadline;
  pause_ = std::max(pause_, PauseOf(throttle));
}

ConnectorDescription Trial::Describe(const Sink& sink) {
  return Guarded("Describe", [&] { return sink.Describe(); });
}

SinkCapabilities Trial::Capabilities(const Sink& sink) {
  return Guarded("Capabilities", [&] { return sink.Capabilities(); });
}

ApplyResponse Trial::Apply(Sink& sink, std::vector<ApplyItem> items) {
  ApplyRequest request{.items = std::move(items), .deadline = BeginCall()};
  for (const ApplyItem& item : request.items) {
    first_sent_.try_emplace(item.idempotency_key, Now());
  }
  ApplyResponse response = Guarded("Apply", [&] { return sink.Apply(request); });
  EndCall(request.deadline, response.throttle);
  return response;
}

ProbeResponse Trial::Probe(Sink& sink, std::vector<ProbeItem> items) {
  ProbeRequest request{.items = std::move(items), .deadline = BeginCall()};
  ProbeResponse response = Guarded("Probe", [&] { return sink.Probe(request); });
  EndCall(request.deadline, response.throttle);
  return response;
}

absl::StatusOr<ListResponse> Trial::List(Sink& sink, ListRequest request) {
  request.deadline = BeginCall();
  auto response = Guarded("List", [&] { return sink.List(request); });
  EndCall(request.deadline, {});
  return response;
}

absl::StatusOr<ListResponse> Trial::ListPage(Sink& sink, const ListRequest& request) {
  absl::Duration pause = kFirstPause;
  for (int repeats = 0;; ++repeats) {
    auto response = List(sink, request);
    if (!absl::IsResourceExhausted(response.status()) || repeats == kRepeatsMax ||
        !Advance(std::min(pause, kPauseMost))) {
      return response;
    }
    pause *= 4;
  }
}

void Trial::Normalize(const Sink& sink, Entity& entity) {
  Guarded("Normalize", [&] {
    sink.Normalize(entity);
    return true;
  });
}

std::vector<Outcome> Trial::Match(const std::vector<ApplyItem>& items,
                                  const ApplyResponse& response) {
  std::vector<Outcome> outcomes;
  for (const ApplyItem& item : items) {
    const Outcome* found = nullptr;
    bool contradicted = false;
    for (const ItemOutcome& answer : response.outcomes) {
      if (answer.idempotency_key != item.idempotency_key) continue;
      contradicted = contradicted || (found != nullptr && (found->kind != answer.outcome.kind ||
                                                           found->reason != answer.outcome.reason));
      found = &answer.outcome;
    }
    outcomes.push_back(found == nullptr ? Unknown("the answer does not mention it")
                       : contradicted   ? Unknown("the answers contradict each other")
                                        : *found);
  }
  return outcomes;
}

void Trial::Judge(const std::vector<ApplyItem>& items, const ApplyResponse& response) {
  std::map<std::string, int> answers;
  for (const ItemOutcome& answer : response.outcomes) {
    ++answers[answer.idempotency_key];
    const Outcome& outcome = answer.outcome;
    notes_.Expect("outcomes-make-sense",
                  (outcome.kind == OutcomeKind::kNotApplied) == (outcome.reason != Reason::kNone),
                  "an outcome of kind {} has the reason '{}'", static_cast<int>(outcome.kind),
                  Name(outcome.reason));
    notes_.Expect("outcomes-make-sense", outcome.retry_after >= absl::ZeroDuration(),
                  "an outcome asks to be tried again after {}",
                  absl::FormatDuration(outcome.retry_after));
  }
  notes_.Expect("outcomes-make-sense",
                response.throttle.pause >= absl::ZeroDuration() &&
                    response.throttle.pause < absl::InfiniteDuration(),
                "the answer asks for a pause of {}", absl::FormatDuration(response.throttle.pause));
  for (size_t i = 0; i < items.size(); ++i) {
    const auto found = answers.find(items[i].idempotency_key);
    const int count = found == answers.end() ? 0 : found->second;
    if (found != answers.end()) answers.erase(found);
    notes_.Expect("answers-each-item", count == 1, "item {} of {} ({} '{}') was answered {} times",
                  i + 1, items.size(), Name(items[i].type), BusinessKey(items[i].entity), count);
  }
  for (const auto& [key, count] : answers) {
    notes_.Expect("answers-each-item", false, "the key '{}' was not sent and is answered", key);
  }
}

bool Trial::WaitForMore(absl::Duration asked) {
  return Advance(std::clamp(std::max(asked, pause_), absl::Seconds(1), kPauseMost));
}

std::vector<Outcome> Trial::SendUntilTaken(Sink& sink, const std::vector<ApplyItem>& items,
                                           bool is_judged) {
  std::vector<Outcome> outcomes(items.size());
  std::vector<size_t> places(items.size());
  std::iota(places.begin(), places.end(), 0);
  for (int in_vain = 0; in_vain <= kRepeatsMax;) {
    std::vector<ApplyItem> sent;
    for (const size_t place : places) sent.push_back(items[place]);
    const ApplyResponse response = Apply(sink, sent);
    if (is_judged) Judge(sent, response);
    const std::vector<Outcome> answers = Match(sent, response);
    std::vector<size_t> rest;
    absl::Duration asked = absl::ZeroDuration();
    for (size_t i = 0; i < answers.size(); ++i) {
      outcomes[places[i]] = answers[i];
      if (!IsThrottled(answers[i], response.throttle)) continue;
      rest.push_back(places[i]);
      asked = std::max(asked, answers[i].retry_after);
    }
    in_vain = rest.size() == places.size() ? in_vain + 1 : 0;
    places = std::move(rest);
    if (places.empty() || !WaitForMore(asked)) break;
  }
  return outcomes;
}

std::vector<Outcome> Trial::Send(Sink& sink, const std::vector<ApplyItem>& items) {
  const std::optional<uint64_t> before = Effects();
  std::vector<Outcome> outcomes = SendUntilTaken(sink, items, /*is_judged=*/true);
  JudgeEffects(before, outcomes, "when all was well");
  return outcomes;
}

void Trial::JudgeEffects(std::optional<uint64_t> before, const std::vector<Outcome>& outcomes,
                         std::string_view when) {
  const std::optional<uint64_t> after = Effects();
  if (!before.has_value() || !after.has_value()) return;
  const uint64_t effects = *after - *before;
  if (!notes_.Expect("retries-nothing-itself", effects <= outcomes.size(),
                     "a request of {} was sent once {} and took effect {} times", outcomes.size(),
                     when, effects)) {
    return;
  }
  const auto refused = static_cast<uint64_t>(std::count_if(
      outcomes.begin(), outcomes.end(),
      [](const Outcome& outcome) { return outcome.kind == OutcomeKind::kNotApplied; }));
  if (refused == 0) return;
  notes_.Expect("not-applied-did-nothing", effects + refused <= outcomes.size(),
                "of a request of {}, sent {}, {} are reported as not applied ({}), and {} took "
                "effect",
                outcomes.size(), when, refused, outcomes.empty() ? "" : Say(outcomes.back()),
                effects);
}

Outcome Trial::SendNext(Specimen& specimen, ApplyItem* sent) {
  const ApplyItem item = Next(specimen);
  if (sent != nullptr) *sent = item;
  Outcome outcome = Send(item);
  Learn(specimen, outcome);
  return outcome;
}

void Trial::Learn(Specimen& specimen, const Outcome& outcome) {
  if (outcome.kind != OutcomeKind::kApplied) return;
  specimen.remote_version = outcome.remote_version;
  if (!outcome.external_id.empty()) {
    if (!specimen.told_id.empty()) {
      notes_.Expect("external-id-is-stable", outcome.external_id == specimen.told_id,
                    "{} was '{}' and is now '{}'", specimen.Name(), specimen.told_id,
                    outcome.external_id);
    }
    LearnId(specimen, outcome.external_id);
  }
  // A system that gives no id of its own goes by the business key.
  if (specimen.external_id.empty()) specimen.external_id = BusinessKey(specimen.entity);
  NoteId(specimen);
}

void Trial::LearnId(Specimen& specimen, const std::string& id) {
  auto& ids = ids_[specimen.type];
  const auto by_key = ids.find(specimen.external_id);
  const bool was_by_key =
      specimen.told_id.empty() && by_key != ids.end() && by_key->second == specimen.label;
  if (was_by_key) ids.erase(by_key);
  specimen.told_id = id;
  specimen.external_id = id;
  if (was_by_key) NoteId(specimen);
}

void Trial::NoteId(const Specimen& specimen) {
  gone_[specimen.type].erase(specimen.external_id);
  const auto [known, is_new] =
      ids_[specimen.type].try_emplace(specimen.external_id, specimen.label);
  if (specimen.told_id.empty()) {
    notes_.Skip("external-id-is-stable", "no external id is told");
    notes_.Skip("external-id-is-unique", "no external id is told");
    return;
  }
  notes_.Expect("external-id-is-unique", known->second == specimen.label, "{} and {} are both '{}'",
                specimen.Name(), known->second, specimen.external_id);
}

void Trial::Forget(Specimen& specimen) {
  ids_[specimen.type].erase(specimen.external_id);
  specimen.external_id.clear();
  specimen.told_id.clear();
  specimen.remote_version.clear();
}

bool Trial::MarkGone(Specimen& specimen) {
  const bool is_gone = !subject_.look || IsThere(specimen) != true;
  if (is_gone && !specimen.external_id.empty()) {
    gone_[specimen.type][specimen.external_id] = specimen.label;
  }
  Forget(specimen);
  return is_gone;
}

bool Trial::WaitForProbe() {
  return capabilities_.probe_delay <= absl::ZeroDuration() || Advance(capabilities_.probe_delay);
}

std::vector<ProbeAnswer> Trial::AskAll(Sink& sink, const std::vector<ApplyItem>& items) {
  std::vector<ProbeAnswer> found(items.size());
  std::map<std::string, size_t> open;  // places, by key
  for (size_t i = 0; i < items.size(); ++i) open[items[i].idempotency_key] = i;
  int throttled = 0;
  for (int asked = 0; asked < kProbesMax && !open.empty();) {
    if (asked + throttled > 0) {
      Advance(std::max({capabilities_.probe_delay, absl::Seconds(5), pause_}));
    }
    std::vector<ProbeItem> questions;
    for (const auto& [key, place] : open) questions.push_back(AsProbe(items[place]));
    const ProbeResponse response = Probe(sink, std::move(questions));
    std::map<std::string, int> answers;
    for (const ProbeAnswer& answer : response.answers) {
      ++answers[answer.idempotency_key];
      const auto place = open.find(answer.idempotency_key);
      if (notes_.Expect("probe-answers-its-items", place != open.end(),
                        "the key '{}' was not asked about and is answered",
                        answer.idempotency_key)) {
        found[place->second] = answer;
      }
    }
    const bool is_throttled = PauseOf(response.throttle) > absl::ZeroDuration();
    bool is_news = false;
    for (auto one = open.begin(); one != open.end();) {
      const int count = answers[one->first];
      // Who is throttled has nothing to answer with.
      if (!is_throttled || count > 0) {
        notes_.Expect("probe-answers-its-items", count == 1,
                      "of {} that were asked about at once one was answered {} times", items.size(),
                      count);
      }
      const bool is_told = found[one->second].presence != Presence::kUndetermined;
      is_news = is_news || is_told;
      one = is_told ? open.erase(one) : std::next(one);
    }
    if (is_throttled && !is_news && throttled < kRepeatsMax) {
      ++throttled;
    } else if (!is_news || !is_throttled) {
      ++asked;
    }
  }
  return found;
}

absl::StatusOr<std::vector<ListEntry>> Trial::ListAll(EntityType type, std::string after,
                                                      int page) {
  std::vector<ListEntry> entries;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    auto response = ListPage(*sink_, {.type = type, .after = after, .entries_max = page});
    if (!response.ok()) return response.status();
    notes_.Expect("list-keeps-its-limit", response->entries.size() <= static_cast<size_t>(page),
                  "{} entries were given where {} were asked for at most", response->entries.size(),
                  page);
    for (ListEntry& entry : response->entries) {
      if (!notes_.Expect("list-ascends", entry.external_id > after,
                         "among the {} entries '{}' comes after '{}'", Name(type),
                         entry.external_id, after)) {
        return absl::FailedPreconditionError("it does not ascend");
      }
      after = entry.external_id;
      entries.push_back(std::move(entry));
    }
    if (!response->more) return entries;
    if (!notes_.Expect("list-says-more", !response->entries.empty(),
                       "after '{}' it gives nothing and says that there is more", after)) {
      return absl::FailedPreconditionError("it does not come to an end");
    }
  }
  return absl::OutOfRangeError(fmt::format("more than {} pages", kPagesMax));
}

// -- Looking

std::optional<Trial::Seen> Trial::Look(const Specimen& specimen) {
  if (!subject_.look) return LookByList(specimen);
  auto looked = subject_.look(specimen.entity);
  if (!looked.ok()) return std::nullopt;
  Seen seen;
  seen.there = looked->has_value();
  if (seen.there && (*looked)->kind_case() != Entity::KIND_NOT_SET) seen.content = **looked;
  return seen;
}

std::optional<Trial::Seen> Trial::LookByList(const Specimen& specimen) {
  if (!capabilities_.listable) return std::nullopt;
  auto entry = FindListed(specimen);
  if (!entry.ok()) return std::nullopt;
  Seen seen{.there = entry->has_value(), .content = std::nullopt};
  if (seen.there && (*entry)->entity.kind_case() != Entity::KIND_NOT_SET) {
    seen.content = std::move((*entry)->entity);
  }
  return seen;
}

absl::StatusOr<std::optional<ListEntry>> Trial::FindListed(const Specimen& specimen) {
  const std::string id =
      specimen.external_id.empty() ? BusinessKey(specimen.entity) : specimen.external_id;
  // A prefix of the id is less than the id, and not much else lies between.
  std::string after = id.substr(0, id.size() - std::min<size_t>(id.size(), 1));
  for (int pages = 0; pages < kPagesMax; ++pages) {
    auto response = ListPage(*sink_, {.type = specimen.type, .after = after, .entries_max = 100});
    if (!response.ok()) return response.status();
    for (ListEntry& entry : response->entries) {
      if (entry.external_id == id) return std::optional(std::move(entry));
    }
    if (!response->more || response->entries.empty() ||
        response->entries.back().external_id >= id) {
      break;
    }
    after = response->entries.back().external_id;
  }
  return std::optional<ListEntry>();
}

Finding Trial::IsThere(const Specimen& specimen) {
  const auto seen = Look(specimen);
  if (!seen.has_value()) return std::nullopt;
  return seen->there;
}

Finding Trial::Holds(const Specimen& specimen, const Entity& content) {
  if (content_wrong_.contains(specimen.type)) return std::nullopt;
  auto seen = Look(specimen);
  if (!seen.has_value()) return std::nullopt;
  if (!seen->there) return false;
  if (!seen->content.has_value()) return std::nullopt;
  Entity wanted = content;
  Normalize(*sink_, wanted);
  Normalize(*sink_, *seen->content);
  return CanonicalDigest(wanted) == CanonicalDigest(*seen->content);
}

std::string Trial::DifferenceTo(const Specimen& specimen, const Entity& content) {
  auto seen = Look(specimen);
  if (!seen.has_value() || !seen->there) return "it is not there";
  if (!seen->content.has_value()) return "its content cannot be seen";
  Entity wanted = content;
  Normalize(*sink_, wanted);
  Normalize(*sink_, *seen->content);
  return PathsThatDiffer(wanted, *seen->content);
}

std::optional<uint64_t> Trial::Effects() {
  if (!subject_.effects) return std::nullopt;
  const auto effects = subject_.effects();
  if (!effects.ok()) return std::nullopt;
  return *effects;
}

void Trial::ExpectNothingThere(const Specimen& specimen, const Outcome& outcome) {
  if (outcome.kind != OutcomeKind::kNotApplied) return;
  if (const Finding there = IsThere(specimen)) {
    notes_.Expect("not-applied-did-nothing", !*there, "{} is reported as {}, and is there",
                  specimen.Name(), Say(outcome));
  } else {
    notes_.Skip("not-applied-did-nothing", "{}", kNothingSeen);
  }
}

}  // namespace retailsync::testing::sink_kit
