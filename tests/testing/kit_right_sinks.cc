// Sinks that are right, each in a way of its own that a kit might take for a fault.
#include <algorithm>
#include <memory>
#include <utility>

#include "testing/kit_wrong_sinks.h"

namespace retailsync::testing {
namespace {

// So many calls, of whatever kind, in each span; the others are throttled.
class Limit {
 public:
  Limit(int calls, absl::Duration span) : calls_(calls), span_(span) {}
  bool Takes(absl::Time now) {
    if (now >= since_ + span_) {
      since_ = now;
      taken_ = 0;
    }
    return ++taken_ <= calls_;
  }

 private:
  int calls_;
  absl::Duration span_;
  int taken_ = 0;
  absl::Time since_ = absl::InfinitePast();
};

ApplyResponse RefuseAll(const ApplyRequest& request, const Outcome& outcome) {
  ApplyResponse response;
  for (const ApplyItem& item : request.items) {
    response.outcomes.push_back({item.idempotency_key, outcome});
  }
  return response;
}

void TakeThirtyCallsASecond(SpoiltSink& sink) {
  auto limit = std::make_shared<Limit>(30, absl::Seconds(1));
  sink.apply = [limit](SpoiltSink& self, const ApplyRequest& request) {
    if (limit->Takes(self.clock.Now())) return self.real->Apply(request);
    return RefuseAll(request, NotApplied(Reason::kThrottled, "429", absl::Seconds(1)));
  };
}

// A limit on calls of every kind, and its pause told beside the answers.
void TakeSevenCallsAMinute(SpoiltSink& sink) {
  const Throttle pause{.pause = absl::Minutes(1)};
  auto limit = std::make_shared<Limit>(7, absl::Minutes(1));
  sink.apply = [=](SpoiltSink& self, const ApplyRequest& request) {
    if (limit->Takes(self.clock.Now())) return self.real->Apply(request);
    ApplyResponse response = RefuseAll(request, NotApplied(Reason::kTransient, "busy"));
    response.throttle = pause;
    return response;
  };
  sink.probe = [=](SpoiltSink& self, const ProbeRequest& request) {
    if (limit->Takes(self.clock.Now())) return self.real->Probe(request);
    return ProbeResponse{.answers = {}, .throttle = pause};
  };
  sink.list = [=](SpoiltSink& self, const ListRequest& request) -> absl::StatusOr<ListResponse> {
    if (limit->Takes(self.clock.Now())) return self.real->List(request);
    return absl::ResourceExhaustedError("429");
  };
}

// What is left of a request is to come again.
void TakeThreeItemsOfARequest(SpoiltSink& sink) {
  sink.apply = [](SpoiltSink& self, ApplyRequest request) {
    std::vector<ApplyItem> rest;
    while (request.items.size() > 3) {
      rest.push_back(std::move(request.items.back()));
      request.items.pop_back();
    }
    ApplyResponse response = self.real->Apply(request);
    for (const ApplyItem& item : rest) {
      response.outcomes.push_back(
          {item.idempotency_key, NotApplied(Reason::kThrottled, "429", absl::Seconds(1))});
    }
    return response;
  };
}

bool IsPresent(const ProbeAnswer& answer) {
  return answer.presence == Presence::kPresent;
}

// The system gives an entity its id after it was created: the answer to the creation has none.
// Until an answer told it, an entity is called by its business key in lists.
void TellIdsLate(SpoiltSink& sink) {
  sink.apply = [](SpoiltSink& self, const ApplyRequest& request) {
    ApplyResponse response = self.real->Apply(request);
    for (size_t i = 0; i < response.outcomes.size(); ++i) {
      Outcome& outcome = response.outcomes[i].outcome;
      if (outcome.kind != OutcomeKind::kApplied) continue;
      if (request.items[i].version == 1) {
        outcome.external_id.clear();
      } else {
        self.memory.names.insert(outcome.external_id);
      }
    }
    return response;
  };
  sink.probe = [](SpoiltSink& self, const ProbeRequest& request) {
    ProbeResponse response = self.real->Probe(request);
    for (const ProbeAnswer& answer : response.answers) {
      if (IsPresent(answer)) self.memory.names.insert(answer.external_id);
    }
    return response;
  };
  sink.list = [](SpoiltSink& self, const ListRequest& request) -> absl::StatusOr<ListResponse> {
    auto all = self.real->List(
        {.type = request.type, .after = {}, .entries_max = 100'000, .deadline = request.deadline});
    if (!all.ok()) return all;
    std::vector<ListEntry>& entries = all->entries;
    for (ListEntry& entry : entries) {
      if (!self.memory.names.contains(entry.external_id)) {
        entry.external_id = BusinessKey(entry.entity);
      }
    }
    std::sort(entries.begin(), entries.end(),
              [](const ListEntry& a, const ListEntry& b) { return a.external_id < b.external_id; });
    std::erase_if(entries,
                  [&](const ListEntry& entry) { return entry.external_id <= request.after; });
    all->more = entries.size() > static_cast<size_t>(request.entries_max);
    if (all->more) entries.resize(static_cast<size_t>(request.entries_max));
    return all;
  };
}

}  // namespace

std::vector<RightSink> RightSinks() {
  const auto shows_late = [](ScriptedSystem& system) {
    system.sink_capabilities.idempotent = false;
    system.sink_capabilities.probe_delay = absl::Minutes(10);
    system.probe_lag = absl::Minutes(10);
  };
  return {
      {"shows its effects late, to a kit that cannot let time pass", [](SpoiltSink&) {}, shows_late,
       [](SinkSubject& subject) { subject.advance = nullptr; }},
      {"looks through what was written since the first attempt, and cannot tell at once",
       [](SpoiltSink& sink) {
         sink.probe = [](SpoiltSink& self, const ProbeRequest& request) {
           ProbeResponse response = self.real->Probe(request);
           for (size_t i = 0; i < response.answers.size(); ++i) {
             ProbeAnswer& answer = response.answers[i];
             if (self.memory.names.insert(answer.idempotency_key).second) {
               answer = {.idempotency_key = answer.idempotency_key};  // its search is busy
             }
             for (const ScriptedSystem::Effect& effect : self.system.effects()) {
               if (answer.presence == Presence::kPresent && effect.key == answer.idempotency_key &&
                   effect.at < request.items[i].first_attempt_at) {
                 answer.presence = Presence::kAbsent;
               }
             }
           }
           return response;
         };
       },
       shows_late},
      {"lists in pages shorter than was asked for",
       [](SpoiltSink& sink) {
         sink.list = [](SpoiltSink& self, ListRequest request) {
           request.entries_max = std::min(request.entries_max, 5);  // the most its API gives
           return self.real->List(request);
         };
       }},
      {"takes thirty calls a second, from several threads too",
       TakeThirtyCallsASecond,
       {},
       [](SinkSubject& subject) { subject.concurrency = 4; }},
      {"takes seven calls a minute, questions among them", TakeSevenCallsAMinute},
      {"takes three items of a request, and throttles the others", TakeThreeItemsOfARequest},
      {"tells ids late", TellIdsLate},
      {"tells ids late, and is looked into by its lists", TellIdsLate, [](ScriptedSystem&) {},
       [](SinkSubject& subject) { subject.look = nullptr; }},
      {"never deletes postings, which are reversed",
       Instead([](SpoiltSink&, const ApplyItem& item) {
         const bool refused = item.operation == model::v1::OPERATION_DELETE &&
                              item.type == EntityType::kLedgerPosting;
         return refused ? std::optional(NotApplied(Reason::kPermanent, "it can be reversed"))
                        : std::nullopt;
       })},
  };
}

}  // namespace retailsync::testing
