// What must hold when calls come from several threads, one after the other and at once.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <thread>

#include "retailsync/model/v1/canonical.h"
#include "testing/sink_trial.h"

namespace retailsync::testing::sink_kit {
namespace {

// What one thread sends, what it was answered, or what was thrown.
struct Share {
  std::vector<Specimen> specimens;
  std::vector<Outcome> outcomes;  // of each
  std::vector<std::vector<ApplyItem>> requests;
  std::vector<std::vector<size_t>> places;  // of the items, among the specimens
  std::vector<ApplyResponse> responses;
  std::optional<std::string> thrown;

  void Run(Sink& sink, absl::Time deadline) {
    thrown = ThrownBy([&] {
      for (const std::vector<ApplyItem>& items : requests) {
        responses.push_back(sink.Apply({.items = items, .deadline = deadline}));
      }
    });
  }

  // Takes note of the answers; what was throttled is left to be sent again. The longest pause that
  // was asked for, and nothing when all is answered.
  std::optional<absl::Duration> Take() {
    std::optional<absl::Duration> pause;
    std::vector<std::vector<ApplyItem>> rest;
    std::vector<std::vector<size_t>> rest_places;
    for (size_t i = 0; i < responses.size(); ++i) {
      const Throttle& throttle = responses[i].throttle;
      const std::vector<Outcome> answers = Trial::Match(requests[i], responses[i]);
      std::vector<ApplyItem> items;
      std::vector<size_t> of_them;
      for (size_t at = 0; at < answers.size(); ++at) {
        outcomes[places[i][at]] = answers[at];
        if (!IsThrottled(answers[at], throttle)) continue;
        pause = std::max(
            {pause.value_or(absl::ZeroDuration()), PauseOf(throttle), answers[at].retry_after});
        items.push_back(requests[i][at]);
        of_them.push_back(places[i][at]);
      }
      if (items.empty()) continue;
      rest.push_back(std::move(items));
      rest_places.push_back(std::move(of_them));
    }
    requests = std::move(rest);
    places = std::move(rest_places);
    responses.clear();
    return pause;
  }
};

Share MakeShare(Trial& trial, EntityType type, int requests) {
  const int items_max = std::min(trial.capabilities().batch_items_max, 2);
  Share share;
  for (int request = 0; request < requests; ++request) {
    std::vector<ApplyItem>& items = share.requests.emplace_back();
    std::vector<size_t>& places = share.places.emplace_back();
    for (int i = 0; i < items_max; ++i) {
      places.push_back(share.specimens.size());
      share.specimens.push_back(trial.Make(type));
      items.push_back(trial.Next(share.specimens.back()));
    }
  }
  share.outcomes.resize(share.specimens.size());
  return share;
}

// Each in a thread of its own, all at once; what is throttled again after a while.
void RunBeside(Trial& trial, std::vector<Share>& shares) {
  constexpr int kRounds = 6;
  Sink& sink = trial.sink();
  for (int round = 0; round < kRounds; ++round) {
    const absl::Time deadline = trial.Deadline();
    std::barrier start(static_cast<std::ptrdiff_t>(shares.size()));
    std::vector<std::thread> threads;
    for (Share& share : shares) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        share.Run(sink, deadline);
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::optional<absl::Duration> pause;
    for (Share& share : shares) {
      if (share.thrown.has_value()) return;
      if (const auto asked = share.Take()) pause = std::max(pause.value_or(*asked), *asked);
    }
    if (!pause.has_value() || !trial.WaitForMore(*pause)) return;
  }
}

void JudgeShare(Trial& trial, SinkNotes::Id check, Share& share) {
  if (!trial.notes().Expect(check, !share.thrown.has_value(), "Apply threw: {}",
                            share.thrown.value_or(""))) {
    return;
  }
  for (size_t i = 0; i < share.specimens.size(); ++i) {
    Specimen& specimen = share.specimens[i];
    const Outcome& outcome = share.outcomes[i];
    const bool is_applied = outcome.kind == OutcomeKind::kApplied;
    trial.notes().Expect(check, is_applied, "{} is {}", specimen.Name(), Say(outcome));
    trial.Learn(specimen, outcome);
    if (!is_applied) continue;
    trial.notes().Expect(check, trial.IsThere(specimen).value_or(true),
                         "{} is reported applied and is not there", specimen.Name());
  }
}

constexpr int kRequestsBeside = 8;

// Normalized samples of every type, and what became of them.
struct Samples {
  std::vector<Entity> given;
  std::vector<Digest> made;

  explicit Samples(Trial& trial) {
    for (const EntityType type : trial.usable()) {
      for (int variant = 1; variant <= 2; ++variant) {
        given.push_back(trial.Sample(type, trial.subject().prefix + "-N", variant));
        made.push_back(Make(trial, given.back()));
      }
    }
  }
  static Digest Make(Trial& trial, Entity entity) {
    trial.Normalize(trial.sink(), entity);
    return CanonicalDigest(entity);
  }
};

// Each call from a thread of its own, one after the other.
void CheckElsewhere(Trial& trial, EntityType type) {
  constexpr SinkNotes::Id kCheck = "works-from-any-thread";
  SinkNotes& notes = trial.notes();
  Specimen specimen = trial.Make(type);
  ApplyItem item = trial.Next(specimen);
  trial.CallElsewhere(true);
  const Outcome outcome = trial.SendUntilTaken(trial.sink(), {item}, /*is_judged=*/false).front();
  trial.CallElsewhere(false);
  const bool is_applied = outcome.kind == OutcomeKind::kApplied;
  notes.Expect(kCheck, is_applied, "{} was sent from another thread and is {}", specimen.Name(),
               Say(outcome));
  if (is_applied) {
    trial.Learn(specimen, outcome);
    notes.Expect(kCheck, trial.IsThere(specimen).value_or(true),
                 "{} is reported applied to another thread and is not there", specimen.Name());
  }
  if (is_applied && trial.capabilities().verifiable && trial.WaitForProbe() &&
      trial.Ask(trial.sink(), item).presence == Presence::kPresent) {
    trial.CallElsewhere(true);
    const Presence presence = trial.Ask(trial.sink(), item).presence;
    trial.CallElsewhere(false);
    notes.Expect(kCheck, presence == Presence::kPresent,
                 "asked from another thread, Probe calls {} {}", specimen.Name(), Say(presence));
  }
  if (trial.capabilities().listable && trial.ListAll(type, "", 1000).ok()) {
    trial.CallElsewhere(true);
    const auto listed = trial.ListAll(type, "", 1000);
    trial.CallElsewhere(false);
    const auto here = trial.ListAll(type, "", 1000);
    const bool is_same = listed.ok() && here.ok() &&
                         std::equal(listed->begin(), listed->end(), here->begin(), here->end(),
                                    [](const ListEntry& a, const ListEntry& b) {
                                      return a.external_id == b.external_id &&
                                             a.remote_version == b.remote_version &&
                                             CanonicalDigest(a.entity) == CanonicalDigest(b.entity);
                                    });
    notes.Expect(kCheck, is_same, "asked from another thread, List gives {}",
                 listed.ok() ? "something else" : std::string(listed.status().message()));
  }
  if (!notes.Holds("normalize-is-repeatable")) return;  // in this thread either
  const Samples samples(trial);
  for (size_t i = 0; i < samples.given.size(); ++i) {
    trial.CallElsewhere(true);
    const Digest made = Samples::Make(trial, samples.given[i]);
    trial.CallElsewhere(false);
    notes.Expect(kCheck, made == samples.made[i],
                 "{}: in another thread Normalize makes something else of the same",
                 Name(TypeOf(samples.given[i])));
  }
}

// Normalizes until the requests of the share are through, and once more.
void CheckNormalizeBeside(Trial& trial, EntityType type) {
  if (!trial.notes().Holds("normalize-is-repeatable")) {
    trial.notes().Skip("normalizes-beside-calls", "Normalize is not repeatable alone");
    return;
  }
  const Samples samples(trial);
  Share share = MakeShare(trial, type, kRequestsBeside);
  Sink& sink = trial.sink();
  const absl::Time deadline = trial.Deadline();
  std::atomic<bool> is_through = false;
  std::atomic<bool> is_begun = false;
  std::vector<Entity> made;
  std::thread calls([&] {
    while (!is_begun) std::this_thread::yield();
    share.Run(sink, deadline);
    is_through = true;
  });
  std::optional<std::string> thrown;
  std::thread normalizing([&] {
    is_begun = true;
    thrown = ThrownBy([&] {
      for (bool is_last = false; !is_last;) {
        is_last = is_through;
        made = samples.given;
        for (size_t i = 0; i < made.size(); ++i) {
          sink.Normalize(made[i]);
          // The first that is made wrong is kept.
          if (CanonicalDigest(made[i]) != samples.made[i]) return;
        }
      }
    });
  });
  calls.join();
  normalizing.join();
  constexpr SinkNotes::Id kCheck = "normalizes-beside-calls";
  trial.notes().Expect(kCheck, !thrown.has_value(), "Normalize threw: {}", thrown.value_or(""));
  for (size_t i = 0; i < made.size(); ++i) {
    trial.notes().Expect(kCheck, CanonicalDigest(made[i]) == samples.made[i],
                         "{}: while Apply was under way Normalize made something else of the same",
                         Name(TypeOf(samples.given[i])));
  }
}

// Questions beside an Apply: what was applied before is present and listed all the time.
void CheckQuestionsBeside(Trial& trial, EntityType type) {
  constexpr SinkNotes::Id kCheck = "works-side-by-side";
  const SinkCapabilities& declared = trial.capabilities();
  Specimen known = trial.Make(type);
  ApplyItem item;
  if (trial.SendNext(known, &item).kind != OutcomeKind::kApplied) return;
  const bool asks = declared.verifiable && trial.WaitForProbe() &&
                    trial.Ask(trial.sink(), item).presence == Presence::kPresent;
  const bool lists =
      declared.listable && trial.FindListed(known).value_or(std::nullopt).has_value();
  if (!asks && !lists) return;
  std::vector<Share> shares;
  shares.push_back(MakeShare(trial, type, kRequestsBeside));
  Sink& sink = trial.sink();
  const absl::Time deadline = trial.Deadline();
  const ProbeRequest question{.items = {trial.AsProbe(item)}, .deadline = deadline};
  // A prefix of the id is less than the id.
  const ListRequest request{.type = type,
                            .after = known.external_id.substr(0, known.external_id.size() - 1),
                            .entries_max = 1000,
                            .deadline = deadline};
  std::vector<ProbeResponse> probed;
  std::vector<absl::StatusOr<ListResponse>> listed;
  std::optional<std::string> thrown;
  std::barrier start(2);
  std::thread asking([&] {
    start.arrive_and_wait();
    thrown = ThrownBy([&] {
      for (int i = 0; i < kRequestsBeside; ++i) {
        if (asks) probed.push_back(sink.Probe(question));
        if (lists) listed.push_back(sink.List(request));
      }
    });
  });
  std::thread calls([&] {
    start.arrive_and_wait();
    shares.front().Run(sink, deadline);
  });
  asking.join();
  calls.join();
  // What was throttled is sent again, with nothing beside it.
  if (!shares.front().thrown.has_value()) {
    if (const auto pause = shares.front().Take(); pause.has_value() && trial.WaitForMore(*pause)) {
      RunBeside(trial, shares);
    }
  }
  JudgeShare(trial, kCheck, shares.front());
  trial.notes().Expect(kCheck, !thrown.has_value(), "beside an Apply a question threw: {}",
                       thrown.value_or(""));
  for (const ProbeResponse& response : probed) {
    if (PauseOf(response.throttle) > absl::ZeroDuration()) continue;
    Presence told = Presence::kUndetermined;
    for (const ProbeAnswer& answer : response.answers) {
      if (answer.idempotency_key == item.idempotency_key) told = answer.presence;
    }
    trial.notes().Expect(kCheck, told == Presence::kPresent, "beside an Apply Probe calls {} {}",
                         known.Name(), Say(told));
  }
  for (const auto& response : listed) {
    if (absl::IsResourceExhausted(response.status())) continue;
    const bool is_listed =
        response.ok() && (std::any_of(response->entries.begin(), response->entries.end(),
                                      [&](const ListEntry& entry) {
                                        return entry.external_id == known.external_id;
                                      }) ||
                          // It may be on the next page.
                          (response->more && !response->entries.empty() &&
                           response->entries.back().external_id < known.external_id));
    trial.notes().Expect(kCheck, is_listed, "beside an Apply List {}",
                         response.ok() ? "leaves out " + known.Name()
                                       : "fails: " + std::string(response.status().message()));
  }
}

}  // namespace

void CheckThreads(Trial& trial) {
  if (trial.usable().empty()) return;
  const EntityType type = trial.usable().front();
  CheckElsewhere(trial, type);
  CheckNormalizeBeside(trial, type);
  const int concurrency = trial.subject().concurrency;
  if (concurrency < 2) return;
  std::vector<Share> shares;
  for (int i = 0; i < concurrency; ++i) shares.push_back(MakeShare(trial, type, kRequestsBeside));
  RunBeside(trial, shares);
  for (Share& share : shares) JudgeShare(trial, "works-side-by-side", share);
  CheckQuestionsBeside(trial, type);
}

}  // namespace retailsync::testing::sink_kit
