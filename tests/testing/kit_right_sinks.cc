// Sinks that are right, each in a way of its own that a kit might take for a fault.
#include <algorithm>

#include "testing/kit_wrong_sinks.h"

namespace retailsync::testing {

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
