#include "testing/kit_wrong_sinks.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <utility>

namespace retailsync::testing {
namespace {

// Sends some items under another key, and answers under the one it was given.
SpoilSink OtherKey(std::function<std::string(SpoiltSink&, const ApplyItem&)> key_of) {
  return [key_of](SpoiltSink& sink) {
    sink.apply = [key_of](SpoiltSink& self, ApplyRequest request) {
      std::map<std::string, std::string> back;
      for (ApplyItem& item : request.items) {
        const std::string key = key_of(self, item);
        back[key] = std::exchange(item.idempotency_key, key);
      }
      ApplyResponse response = self.real->Apply(request);
      for (ItemOutcome& answer : response.outcomes) {
        answer.idempotency_key = back[answer.idempotency_key];
      }
      return response;
    };
  };
}

std::string HeldVersion(SpoiltSink& sink, const ApplyItem& item) {
  const auto* held = sink.system.Find(NameOf(item.entity));
  return held == nullptr ? std::string() : held->remote_version;
}

}  // namespace

std::vector<WrongSink> WrongAboutApplying() {
  return {
      {"loses the tail of a request",
       {"takes-full-batches", "answers-each-item", "items-stand-alone", "unreachable-is-transient"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, ApplyRequest request) {
           if (request.items.size() > 3) request.items.pop_back();
           return self.real->Apply(request);
         };
       }},
      {"claims the tail of a request without sending it",
       {"takes-full-batches", "items-stand-alone", "list-is-complete", "unreachable-is-transient",
        "lost-answer-is-unknown"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, ApplyRequest request) {
           if (request.items.size() <= 3) return self.real->Apply(request);
           const std::string key = request.items.back().idempotency_key;
           request.items.pop_back();
           ApplyResponse response = self.real->Apply(request);
           response.outcomes.push_back({key, Applied()});
           return response;
         };
       }},
      {"mixes up the answers of a request",
       {"external-id-is-stable", "external-id-is-unique", "items-stand-alone"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, const ApplyRequest& request) {
           ApplyResponse response = self.real->Apply(request);
           if (request.items.size() < 4) return response;
           std::reverse(response.outcomes.begin(), response.outcomes.end());
           for (size_t i = 0; i < request.items.size(); ++i) {
             response.outcomes[i].idempotency_key = request.items[i].idempotency_key;
           }
           return response;
         };
       }},
      {"writes each item twice, to be sure",
       {"retries-nothing-itself"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, ApplyRequest request) {
           ApplyResponse response = self.real->Apply(request);
           for (size_t i = 0; i < request.items.size() && i < response.outcomes.size(); ++i) {
             ApplyItem& item = request.items[i];
             Outcome& outcome = response.outcomes[i].outcome;
             if (outcome.kind != OutcomeKind::kApplied ||
                 item.operation == model::v1::OPERATION_DELETE) {
               continue;
             }
             item.remote_version.clear();
             outcome = self.real->Apply({.items = {item}}).outcomes.front().outcome;
           }
           return response;
         };
       },
       [](ScriptedSystem& system) { system.sink_capabilities.idempotent = false; }},
      {"reports success before the effect",
       {"applied-is-there"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, const ApplyRequest& request) {
           std::vector<ApplyItem> late = std::exchange(self.memory.held_back, {});
           if (!late.empty()) self.real->Apply({.items = late});
           ApplyResponse response;
           for (const ApplyItem& item : request.items) {
             response.outcomes.push_back({item.idempotency_key, Applied()});
           }
           self.memory.held_back = request.items;
           return response;
         };
       }},
      {"keeps what it applied only as long as it is open",
       {"applied-outlives-the-connector", "list-is-complete"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, const ApplyRequest& request) {
           for (const ApplyItem& item : request.items) self.own.insert(NameOf(item.entity));
           return self.real->Apply(request);
         };
         sink.close = [](SpoiltSink& self) {
           for (const std::string& name : self.own) self.system.RemoveSilently(name);
         };
       }},
      {"answers for a key that was not sent",
       {"answers-each-item"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, const ApplyRequest& request) {
           ApplyResponse response = self.real->Apply(request);
           response.outcomes.push_back({"somebody-elses", Applied()});
           return response;
         };
       }},
      {"answers twice",
       {"answers-each-item"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, const ApplyRequest& request) {
           ApplyResponse response = self.real->Apply(request);
           response.outcomes.push_back(response.outcomes.front());
           return response;
         };
       }},
      {"gives a reason with what was applied",
       {"outcomes-make-sense"},
       EachAnswer([](SpoiltSink&, const ApplyItem&, Outcome& outcome) {
         if (outcome.kind == OutcomeKind::kApplied) outcome.reason = Reason::kTransient;
       })},
      {"refuses a type that it declares",
       {"takes-what-it-declares"},
       Instead([](SpoiltSink&, const ApplyItem& item) -> std::optional<Outcome> {
         if (item.type != EntityType::kPayment) return std::nullopt;
         return NotApplied(Reason::kPermanent, "no payments here");
       })},
      {"cuts what it is given",
       {"applied-is-what-was-sent", "list-agrees-with-normalize"},
       EachItem([](SpoiltSink&, ApplyItem& item) {
         if (item.entity.has_order()) item.entity.mutable_order()->clear_channel();
       })},
      {"takes an entity it knows for one that is done",
       {"next-version-replaces"},
       Instead([](SpoiltSink& sink, const ApplyItem& item) -> std::optional<Outcome> {
         if (item.version != 2 || item.type != EntityType::kCustomer ||
             item.operation != model::v1::OPERATION_UPSERT) {
           return std::nullopt;
         }
         if (sink.system.Find(NameOf(item.entity)) == nullptr) return std::nullopt;
         return Applied();
       })},
      {"reorders a lane",
       {"versions-keep-their-order", "retries-nothing-itself"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, const ApplyRequest& request) {
           std::vector<ApplyItem>& late = self.memory.held_back;
           const ApplyItem& item = request.items.front();
           if (item.version == 4 && item.entity.has_order() &&
               item.external_id.ends_with(":KIT-10")) {
             late = {item};
             late.front().remote_version.clear();
             return ApplyResponse{.outcomes = {{item.idempotency_key, Applied()}}};
           }
           ApplyResponse response = self.real->Apply(request);
           if (!late.empty() && item.version == 5) {
             self.real->Apply({.items = std::exchange(late, {})});
           }
           return response;
         };
       }},
      {"calls an entity something else each time",
       {"external-id-is-stable", "list-is-complete", "probe-agrees-with-apply"},
       EachAnswer([](SpoiltSink&, const ApplyItem& item, Outcome& outcome) {
         if (item.type == EntityType::kReturn && outcome.kind == OutcomeKind::kApplied) {
           outcome.external_id += fmt::format("/{}", item.version);
         }
       })},
      {"calls all entities the same",
       {"external-id-is-unique", "list-is-complete", "probe-agrees-with-apply"},
       EachAnswer([](SpoiltSink&, const ApplyItem& item, Outcome& outcome) {
         if (item.type == EntityType::kReturn && outcome.kind == OutcomeKind::kApplied) {
           outcome.external_id = "the return";
         }
       })},
      {"reports a failure after the effect",
       {"not-applied-did-nothing", "takes-what-it-declares"},
       EachAnswer([](SpoiltSink&, const ApplyItem& item, Outcome& outcome) {
         if (item.type == EntityType::kPayment) outcome = NotApplied(Reason::kTransient, "500");
       })},
      {"calls what is invalid transient",
       {"refuses-for-good"},
       EachAnswer([](SpoiltSink&, const ApplyItem&, Outcome& outcome) {
         if (IsNotApplied(outcome, Reason::kPermanent)) outcome.reason = Reason::kTransient;
       })},
      {"refuses a whole request for one item",
       {"refuses-alone"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, const ApplyRequest& request) {
           ApplyResponse response;
           const bool refused =
               std::any_of(request.items.begin(), request.items.end(),
                           [](const ApplyItem& item) { return TypeOf(item.entity) != item.type; });
           if (!refused) return self.real->Apply(request);
           for (const ApplyItem& item : request.items) {
             response.outcomes.push_back(
                 {item.idempotency_key, NotApplied(Reason::kPermanent, "400")});
           }
           return response;
         };
       }},
      {"throws when it does not know what to say",
       {"throws-nothing", "answers-each-item", "takes-what-it-declares"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, const ApplyRequest& request) {
           if (request.items.front().type == EntityType::kPayment) {
             throw std::runtime_error("no mapping");
           }
           return self.real->Apply(request);
         };
       }},
      {"works in the thread that opened it",
       {"works-from-any-thread", "works-side-by-side"},
       Instead([](SpoiltSink& sink, const ApplyItem&) -> std::optional<Outcome> {
         if (std::this_thread::get_id() == sink.thread) return std::nullopt;
         return Unknown("there is no connection in this thread");
       })},
      {"throws what is no exception in another thread",
       {"works-from-any-thread", "works-side-by-side"},
       Instead([](SpoiltSink& sink, const ApplyItem&) -> std::optional<Outcome> {
         if (std::this_thread::get_id() != sink.thread) throw 42;
         return std::nullopt;
       })},
      {"answers one call with what another was told",
       {"works-side-by-side"},
       [](SpoiltSink& sink) {
         sink.serial = false;
         auto inside = std::make_shared<std::atomic<int>>(0);
         sink.apply = [inside](SpoiltSink& self, const ApplyRequest& request) {
           if (std::this_thread::get_id() == self.thread) return self.real->Apply(request);
           ++*inside;
           // Long enough for another call to come in, where another one comes.
           for (int i = 0; i < 1000 && *inside < 2; ++i) std::this_thread::yield();
           const bool alone = *inside < 2;
           ApplyResponse response = self.real->Apply(request);
           if (!alone) response.outcomes.clear();
           return response;
         };
       }},
  };
}

std::vector<WrongSink> WrongAboutKeys() {
  return {
      {"forgets its keys",
       {"same-key-one-effect", "same-key-same-answer", "same-key-other-content",
        "same-key-in-any-batch", "same-key-after-reopening", "same-key-for-its-lifetime",
        "same-key-before-condition", "lost-answer-can-be-settled"},
       OtherKey([](SpoiltSink& sink, const ApplyItem& item) {
         if (item.attempt == 1) return item.idempotency_key;
         return fmt::format("{}/{}", item.idempotency_key, ++sink.memory.count);
       })},
      {"answers a repetition as a new one",
       {"same-key-same-answer", "same-key-in-any-batch", "same-key-after-reopening",
        "same-key-for-its-lifetime", "same-key-before-condition"},
       EachAnswer([](SpoiltSink& sink, const ApplyItem& item, Outcome& outcome) {
         if (outcome.kind != OutcomeKind::kApplied) return;
         if (!sink.memory.names.insert(item.idempotency_key).second) outcome.remote_version = "r0";
       })},
      {"knows a key only where it stood in a request",
       {"same-key-in-any-batch", "lost-answer-can-be-settled"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, ApplyRequest request) {
           // The key's place is part of what the system is told.
           std::map<std::string, std::string> back;
           for (size_t i = 0; i < request.items.size(); ++i) {
             ApplyItem& item = request.items[i];
             if (i == 0) continue;
             const std::string key = fmt::format("{}/{}", item.idempotency_key, i);
             back[key] = std::exchange(item.idempotency_key, key);
           }
           ApplyResponse response = self.real->Apply(request);
           for (ItemOutcome& answer : response.outcomes) {
             const auto found = back.find(answer.idempotency_key);
             if (found != back.end()) answer.idempotency_key = found->second;
           }
           return response;
         };
       }},
      {"forgets the keys of deletes",
       {"same-key-one-effect"},
       Instead([](SpoiltSink& sink, const ApplyItem& item) -> std::optional<Outcome> {
         if (item.operation != model::v1::OPERATION_DELETE || item.attempt == 1) {
           return std::nullopt;
         }
         // Of what is gone that makes no difference.
         sink.system.RemoveSilently(NameOf(item.entity));
         return Applied("scripted-" + NameOf(item.entity));
       })},
      {"takes other content for another item",
       {"same-key-other-content"},
       OtherKey([](SpoiltSink&, const ApplyItem& item) {
         // Whoever sends the same again is recognised, also by Probe.
         const bool changed = TextOf(item.entity).ends_with("7") && item.version == 1;
         return changed ? item.idempotency_key + "/7" : item.idempotency_key;
       })},
      {"forgets its keys when it is closed",
       {"same-key-after-reopening"},
       OtherKey([](SpoiltSink& sink, const ApplyItem& item) {
         if (item.attempt == 1) {
           sink.own.insert(item.idempotency_key);
           return item.idempotency_key;
         }
         return sink.own.contains(item.idempotency_key) ? item.idempotency_key
                                                        : item.idempotency_key + "/again";
       })},
      {"remembers keys for a shorter time than it declares",
       {"same-key-for-its-lifetime"},
       [](SpoiltSink& sink) {
         sink.declare = [](SpoiltSink&, SinkCapabilities& declared) {
           declared.key_lifetime = absl::Hours(48);
         };
       }},
      {"asks for the version before it asks for the key",
       {"same-key-before-condition", "same-key-same-answer", "lost-answer-can-be-settled"},
       Instead([](SpoiltSink& sink, const ApplyItem& item) -> std::optional<Outcome> {
         const std::string held = HeldVersion(sink, item);
         if (item.remote_version.empty() || item.remote_version == held) return std::nullopt;
         return NotApplied(Reason::kConflict, "another version is held");
       })},
  };
}

std::vector<WrongSink> WrongAboutDeletesAndConditions() {
  return {
      {"reports deletes and does none",
       {"delete-removes", "probe-tells-deletes", "condition-stale-delete", "items-stand-alone",
        "unreachable-is-transient", "lost-answer-is-unknown"},
       Instead([](SpoiltSink&, const ApplyItem& item) -> std::optional<Outcome> {
         if (item.operation != model::v1::OPERATION_DELETE ||
             item.type != EntityType::kFulfilment) {
           return std::nullopt;
         }
         return Applied();
       })},
      {"declares deletes and refuses each for good",
       {"delete-removes"},
       Instead([](SpoiltSink&, const ApplyItem& item) -> std::optional<Outcome> {
         if (item.operation != model::v1::OPERATION_DELETE) return std::nullopt;
         return NotApplied(Reason::kPermanent, "nothing is deleted here");
       })},
      {"has a deleted entity fail for ever",
       {"delete-of-nothing-ends"},
       Instead([](SpoiltSink& sink, const ApplyItem& item) -> std::optional<Outcome> {
         if (item.operation != model::v1::OPERATION_DELETE || item.attempt > 1 ||
             sink.system.Find(NameOf(item.entity)) != nullptr) {
           return std::nullopt;
         }
         return NotApplied(Reason::kTransient, "404");
       })},
      {"keeps the place of what was deleted",
       {"delete-then-again", "condition-stale-conflicts"},
       Instead([](SpoiltSink& sink, const ApplyItem& item) -> std::optional<Outcome> {
         if (item.operation == model::v1::OPERATION_DELETE) {
           sink.memory.names.insert(NameOf(item.entity));
           return std::nullopt;
         }
         if (!sink.memory.names.contains(NameOf(item.entity)) ||
             sink.system.Find(NameOf(item.entity)) != nullptr) {
           return std::nullopt;
         }
         return NotApplied(Reason::kPermanent, "the number was used");
       })},
      {"ignores the version a write is conditional on",
       {"condition-stale-conflicts", "condition-stale-writes-nothing", "condition-stale-delete",
        "items-stand-alone"},
       EachItem([](SpoiltSink&, ApplyItem& item) { item.remote_version.clear(); })},
      {"brings back what was deleted meanwhile, on the version before",
       {"condition-stale-conflicts", "condition-stale-writes-nothing"},
       EachItem([](SpoiltSink& sink, ApplyItem& item) {
         if (item.operation == model::v1::OPERATION_UPSERT && HeldVersion(sink, item).empty()) {
           item.remote_version.clear();
         }
       })},
      {"reports a conflict and writes all the same",
       {"condition-stale-writes-nothing", "not-applied-did-nothing"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, const ApplyRequest& request) {
           ApplyResponse response = self.real->Apply(request);
           ApplyRequest again = request;
           again.items.resize(1);
           again.items.front().remote_version.clear();
           const bool conflict = !response.outcomes.empty() &&
                                 IsNotApplied(response.outcomes.front().outcome, Reason::kConflict);
           if (conflict && again.items.front().operation == model::v1::OPERATION_UPSERT) {
             self.real->Apply(again);
           }
           return response;
         };
       }},
      {"deletes whatever the version",
       {"condition-stale-delete"},
       EachItem([](SpoiltSink&, ApplyItem& item) {
         if (item.operation == model::v1::OPERATION_DELETE) item.remote_version.clear();
       })},
      {"does not tell the version it holds",
       {"condition-is-told", "probe-agrees-with-apply"},
       EachAnswer([](SpoiltSink&, const ApplyItem&, Outcome& outcome) {
         outcome.remote_version.clear();
       })},
      {"calls its own version stale",
       {"condition-current-writes"},
       Instead([](SpoiltSink& sink, const ApplyItem& item) -> std::optional<Outcome> {
         if (item.type != EntityType::kPrice || item.remote_version.empty() ||
             item.remote_version != HeldVersion(sink, item) ||
             item.operation != model::v1::OPERATION_UPSERT) {
           return std::nullopt;
         }
         return NotApplied(Reason::kConflict, "409");
       })},
      {"takes no version for a wish to create",
       {"condition-empty-writes"},
       Instead([](SpoiltSink& sink, const ApplyItem& item) -> std::optional<Outcome> {
         if (!item.remote_version.empty() || item.attempt > 1 ||
             item.operation == model::v1::OPERATION_DELETE || HeldVersion(sink, item).empty()) {
           return std::nullopt;
         }
         return NotApplied(Reason::kConflict, "it exists");
       })},
  };
}

}  // namespace retailsync::testing
