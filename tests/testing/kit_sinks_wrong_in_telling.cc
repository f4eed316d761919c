#include "testing/kit_wrong_sinks.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace retailsync::testing {
namespace {

using model::v1::Entity;

SpoilSink EachProbe(std::function<void(SpoiltSink&, const ProbeItem&, ProbeAnswer&)> edit) {
  return [edit](SpoiltSink& sink) {
    sink.probe = [edit](SpoiltSink& self, const ProbeRequest& request) {
      ProbeResponse response = self.real->Probe(request);
      for (size_t i = 0; i < response.answers.size(); ++i) {
        edit(self, request.items[i], response.answers[i]);
      }
      return response;
    };
  };
}

SpoilSink EachPage(std::function<void(const ListRequest&, ListResponse&)> edit) {
  return [edit](SpoiltSink& sink) {
    sink.list = [edit](SpoiltSink& self,
                       const ListRequest& request) -> absl::StatusOr<ListResponse> {
      auto response = self.real->List(request);
      if (response.ok()) edit(request, *response);
      return response;
    };
  };
}

// Lists what `edit` makes of everything there is, in pages.
SpoilSink WholeList(std::function<void(SpoiltSink&, EntityType, std::vector<ListEntry>&)> edit) {
  return [edit](SpoiltSink& sink) {
    sink.list = [edit](SpoiltSink& self, ListRequest request) -> absl::StatusOr<ListResponse> {
      const std::string after = std::exchange(request.after, {});
      const auto most = static_cast<size_t>(std::exchange(request.entries_max, 100'000));
      auto all = self.real->List(request);
      if (!all.ok()) return all;
      edit(self, request.type, all->entries);
      std::erase_if(all->entries,
                    [&](const ListEntry& entry) { return entry.external_id <= after; });
      all->more = all->entries.size() > most;
      if (all->more) all->entries.resize(most);
      return all;
    };
  };
}

void AddToText(Entity& entity, const std::string& text) {
  if (entity.has_order()) entity.mutable_order()->set_note(entity.order().note() + text);
}

}  // namespace

std::vector<WrongSink> WrongAboutProbing() {
  return {
      {"calls everything present",
       {"probe-finds-nothing", "probe-tells-versions", "probe-tells-deletes",
        "probe-in-trouble-is-undetermined"},
       EachProbe([](SpoiltSink&, const ProbeItem&, ProbeAnswer& answer) {
         answer.presence = Presence::kPresent;
       })},
      {"calls everything absent",
       {"probe-finds-effects", "probe-after-reopening", "probe-tells-deletes",
        "probe-in-trouble-is-undetermined", "keeps-its-deadline"},
       EachProbe([](SpoiltSink&, const ProbeItem&, ProbeAnswer& answer) {
         answer.presence = Presence::kAbsent;
       })},
      {"needs longer than it declares to see an effect",
       {"probe-finds-effects", "probe-after-reopening", "probe-tells-deletes"},
       [](SpoiltSink&) {},
       [](ScriptedSystem& system) { system.probe_lag = absl::Minutes(10); }},
      {"asks only whether the entity is there",
       {"probe-tells-versions"},
       EachProbe([](SpoiltSink& sink, const ProbeItem& item, ProbeAnswer& answer) {
         if (answer.presence == Presence::kAbsent &&
             item.operation == model::v1::OPERATION_UPSERT &&
             sink.system.Find(NameOf(item.entity)) != nullptr) {
           answer.presence = Presence::kPresent;
         }
       })},
      {"takes a delete for done before it was sent",
       {"probe-tells-deletes"},
       EachProbe([](SpoiltSink&, const ProbeItem& item, ProbeAnswer& answer) {
         if (item.operation == model::v1::OPERATION_DELETE) answer.presence = Presence::kPresent;
       })},
      {"knows only of what it sent itself",
       {"probe-after-reopening"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, const ApplyRequest& request) {
           for (const ApplyItem& item : request.items) self.own.insert(item.idempotency_key);
           return self.real->Apply(request);
         };
         sink.probe = [](SpoiltSink& self, const ProbeRequest& request) {
           ProbeResponse response = self.real->Probe(request);
           for (ProbeAnswer& answer : response.answers) {
             if (!self.own.contains(answer.idempotency_key) &&
                 answer.presence == Presence::kPresent) {
               answer = {.idempotency_key = answer.idempotency_key, .presence = Presence::kAbsent};
             }
           }
           return response;
         };
       }},
      {"does not say under which version it found it",
       {"probe-agrees-with-apply"},
       EachProbe([](SpoiltSink&, const ProbeItem&, ProbeAnswer& answer) {
         answer.remote_version.clear();
       })},
      {"answers for what it was not asked about",
       {"probe-answers-its-items"},
       [](SpoiltSink& sink) {
         sink.probe = [](SpoiltSink& self, const ProbeRequest& request) {
           ProbeResponse response = self.real->Probe(request);
           response.answers.push_back({.idempotency_key = "somebody-elses"});
           return response;
         };
       }},
      {"does what it is asked about",
       {"probe-changes-nothing", "probe-tells-deletes", "keeps-its-deadline"},
       [](SpoiltSink& sink) {
         sink.probe = [](SpoiltSink& self, const ProbeRequest& request) {
           ProbeResponse response = self.real->Probe(request);
           for (const ProbeItem& item : request.items) {
             const bool is_there = self.system.Find(NameOf(item.entity)) != nullptr;
             if (item.operation == model::v1::OPERATION_DELETE || !is_there) continue;
             ApplyItem again;
             again.idempotency_key = item.idempotency_key;
             again.type = item.type;
             again.entity = item.entity;
             self.real->Apply({.items = {again}});
           }
           return response;
         };
       }},
      {"calls absent all but the first two it is asked about",
       {"probe-finds-effects"},
       [](SpoiltSink& sink) {
         sink.probe = [](SpoiltSink& self, const ProbeRequest& request) {
           ProbeResponse response = self.real->Probe(request);
           for (size_t i = 2; i < response.answers.size(); ++i) {
             response.answers[i].presence = Presence::kAbsent;
           }
           return response;
         };
       }},
      {"looks for everything where the first would be",
       {"probe-finds-effects"},
       [](SpoiltSink& sink) {
         sink.probe = [](SpoiltSink& self, const ProbeRequest& request) {
           ProbeResponse response = self.real->Probe(request);
           for (size_t i = 0; i < response.answers.size(); ++i) {
             if (request.items[i].type == request.items.front().type) continue;
             response.answers[i].presence = Presence::kAbsent;
           }
           return response;
         };
       }},
      {"calls absent what it was not told of in time",
       {"keeps-its-deadline"},
       [](SpoiltSink& sink) {
         sink.probe = [](SpoiltSink& self, const ProbeRequest& request) {
           ProbeResponse response = self.real->Probe(request);
           if (self.clock.Now() < request.deadline) return response;
           for (ProbeAnswer& answer : response.answers) answer.presence = Presence::kAbsent;
           return response;
         };
       }},
      {"takes an error for an absence",
       {"probe-in-trouble-is-undetermined", "keeps-its-deadline"},
       EachProbe([](SpoiltSink&, const ProbeItem&, ProbeAnswer& answer) {
         if (answer.presence == Presence::kUndetermined) answer.presence = Presence::kAbsent;
       })},
  };
}

std::vector<WrongSink> WrongAboutLists() {
  return {
      {"lists out of order",
       {"list-ascends", "list-is-complete"},
       EachPage([](const ListRequest&, ListResponse& page) {
         std::reverse(page.entries.begin(), page.entries.end());
       })},
      {"lists in an order of its own, without regard to case",
       {"list-ascends", "list-is-complete"},
       EachPage([](const ListRequest&, ListResponse& page) {
         const auto lower = [](std::string text) {
           std::transform(text.begin(), text.end(), text.begin(),
                          [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
           return text;
         };
         std::stable_sort(page.entries.begin(), page.entries.end(),
                          [&](const ListEntry& a, const ListEntry& b) {
                            return lower(a.external_id) < lower(b.external_id);
                          });
       })},
      {"drops the last entry of a list",
       {"list-is-complete", "list-says-more"},
       EachPage([](const ListRequest&, ListResponse& page) {
         if (!page.more && !page.entries.empty()) page.entries.pop_back();
       })},
      {"gives as many entries as it likes",
       {"list-keeps-its-limit", "list-starts-after"},
       [](SpoiltSink& sink) {
         sink.list = [](SpoiltSink& self, ListRequest request) {
           request.entries_max = std::max(request.entries_max, 5);
           return self.real->List(request);
         };
       }},
      {"ends the list after a page",
       {"list-pages-add-up", "list-says-more"},
       EachPage([](const ListRequest&, ListResponse& page) { page.more = false; })},
      {"begins a page with the entry it was to begin after",
       {"list-starts-after", "list-ascends", "list-pages-add-up", "list-says-more"},
       [](SpoiltSink& sink) {
         sink.list = [](SpoiltSink& self, ListRequest request) {
           if (!request.after.empty())
             request.after.back() = static_cast<char>(request.after.back() - 1);
           return self.real->List(request);
         };
       }},
      {"says that there is more after the last page",
       {"list-says-more"},
       EachPage([](const ListRequest& request, ListResponse& page) {
         if (static_cast<int>(page.entries.size()) == request.entries_max) page.more = true;
       })},
      {"lists another type",
       {"list-one-type", "list-is-complete"},
       [](SpoiltSink& sink) {
         sink.list = [](SpoiltSink& self, ListRequest request) {
           if (request.type == EntityType::kPayment) request.type = EntityType::kReturn;
           return self.real->List(request);
         };
       }},
      {"lists a version that was overtaken",
       {"list-agrees-with-apply"},
       EachPage([](const ListRequest&, ListResponse& page) {
         for (ListEntry& entry : page.entries) entry.remote_version = "r1";
       })},
      {"lists what was deleted, as it was listed last",
       {"list-forgets-the-deleted"},
       WholeList([](SpoiltSink& self, EntityType type, std::vector<ListEntry>& entries) {
         auto& listed = self.memory.listed[type];
         for (const ListEntry& entry : entries) listed[entry.external_id] = entry;
         entries.clear();
         for (const auto& [id, entry] : listed) entries.push_back(entry);
       })},
      {"lists what was deleted and never listed",
       {"list-forgets-the-deleted"},
       [](SpoiltSink& sink) {
         WholeList([](SpoiltSink& self, EntityType type, std::vector<ListEntry>& entries) {
           for (const auto& [id, ghost] : self.memory.listed[type]) {
             const auto at = std::lower_bound(entries.begin(), entries.end(), id,
                                              [](const ListEntry& entry, const std::string& of) {
                                                return entry.external_id < of;
                                              });
             if (at == entries.end() || at->external_id != id) entries.insert(at, ghost);
           }
         })(sink);
         sink.apply = [](SpoiltSink& self, const ApplyRequest& request) {
           for (const ApplyItem& item : request.items) {
             const auto* held = self.system.Find(NameOf(item.entity));
             const bool deletes = item.operation == model::v1::OPERATION_DELETE;
             if (!deletes || held == nullptr || item.remote_version != held->remote_version)
               continue;
             self.memory.listed[item.type][held->external_id] = {held->external_id, held->entity,
                                                                 held->remote_version};
           }
           return self.real->Apply(request);
         };
       }},
      {"lists an entity as it was listed first",
       {"list-is-current"},
       WholeList([](SpoiltSink& self, EntityType type, std::vector<ListEntry>& entries) {
         for (ListEntry& entry : entries) {
           const auto first = self.memory.listed[type].try_emplace(entry.external_id, entry).first;
           entry.entity = first->second.entity;
         }
       })},
      {"lists the version that it listed first",
       {"list-agrees-with-apply"},
       WholeList([](SpoiltSink& self, EntityType type, std::vector<ListEntry>& entries) {
         for (ListEntry& entry : entries) {
           const auto first = self.memory.listed[type].try_emplace(entry.external_id, entry).first;
           entry.remote_version = first->second.remote_version;
         }
       })},
      {"takes an error for the end of the list",
       {"list-in-trouble-fails"},
       [](SpoiltSink& sink) {
         sink.list = [](SpoiltSink& self,
                        const ListRequest& request) -> absl::StatusOr<ListResponse> {
           auto response = self.real->List(request);
           return response.ok() ? *response : ListResponse();
         };
       }},
      {"does not say what it makes of an order's note",
       {"list-agrees-with-normalize", "applied-is-what-was-sent"},
       EachItem([](SpoiltSink&, ApplyItem& item) { AddToText(item.entity, " (web)"); })},
      {"normalizes what is normalized once more",
       {"normalize-is-idempotent", "list-agrees-with-normalize"},
       [](SpoiltSink& sink) {
         sink.normalize = [](SpoiltSink&, Entity& entity) { AddToText(entity, "."); };
       }},
      {"normalizes by what it saw before",
       {"normalize-is-repeatable", "normalize-is-idempotent", "list-agrees-with-normalize",
        "applied-is-what-was-sent"},
       [](SpoiltSink& sink) {
         sink.normalize = [](SpoiltSink& self, Entity& entity) {
           if (entity.has_order()) {
             entity.mutable_order()->set_note(fmt::format("{}", ++self.memory.count));
           }
         };
       }},
      {"makes something else of it",
       {"normalize-keeps-the-type", "list-agrees-with-normalize"},
       [](SpoiltSink& sink) {
         sink.normalize = [](SpoiltSink&, Entity& entity) {
           if (entity.has_payment()) entity.mutable_order()->set_number("1");
         };
       }},
  };
}

std::vector<WrongSink> WrongAboutTroubles() {
  return {
      {"takes a lost answer for a failure",
       {"lost-answer-is-unknown", "not-applied-did-nothing"},
       EachAnswer([](SpoiltSink&, const ApplyItem&, Outcome& outcome) {
         if (outcome.kind == OutcomeKind::kUnknown) {
           outcome = NotApplied(Reason::kTransient, "timed out");
         }
       })},
      {"takes a lost answer to all but a creation for a failure",
       {"lost-answer-is-unknown", "not-applied-did-nothing"},
       EachAnswer([](SpoiltSink&, const ApplyItem& item, Outcome& outcome) {
         if (outcome.kind == OutcomeKind::kUnknown && item.version > 1) {
           outcome = NotApplied(Reason::kTransient, "timed out");
         }
       })},
      {"says of all but the first item of a request, whose answer was lost, that it was not sent",
       {"lost-answer-is-unknown", "not-applied-did-nothing"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, const ApplyRequest& request) {
           ApplyResponse response = self.real->Apply(request);
           for (size_t i = 1; i < response.outcomes.size(); ++i) {
             Outcome& outcome = response.outcomes[i].outcome;
             if (outcome.kind == OutcomeKind::kUnknown)
               outcome = NotApplied(Reason::kTransient, "");
           }
           return response;
         };
       }},
      {"takes a lost answer for a success",
       {"lost-answer-is-unknown"},
       EachAnswer([](SpoiltSink&, const ApplyItem&, Outcome& outcome) {
         if (outcome.kind == OutcomeKind::kUnknown) outcome = Applied();
       })},
      {"forgets the key of what it lost the answer to",
       {"lost-answer-can-be-settled"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, ApplyRequest request) {
           const std::string key = request.items.front().idempotency_key;
           const bool forgotten = self.own.contains(key);
           if (forgotten) request.items.front().idempotency_key += "/again";
           ApplyResponse response = self.real->Apply(request);
           if (forgotten) response.outcomes.front().idempotency_key = key;
           if (!response.outcomes.empty() &&
               response.outcomes.front().outcome.kind == OutcomeKind::kUnknown) {
             self.own.insert(key);
           }
           return response;
         };
       }},
      {"sends again by itself",
       {"retries-nothing-itself"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, ApplyRequest request) {
           ApplyResponse response = self.real->Apply(request);
           if (response.outcomes.size() == 1 &&
               response.outcomes.front().outcome.kind == OutcomeKind::kUnknown) {
             request.items.front().idempotency_key += "/again";
             self.real->Apply(request);
           }
           return response;
         };
       }},
      {"takes a 429 for a refusal",
       {"throttled-is-throttled"},
       EachAnswer([](SpoiltSink&, const ApplyItem&, Outcome& outcome) {
         if (IsNotApplied(outcome, Reason::kThrottled)) outcome.reason = Reason::kPermanent;
       })},
      {"takes a 401 for a fault of the item",
       {"refused-credentials-are-unauthorised"},
       EachAnswer([](SpoiltSink&, const ApplyItem&, Outcome& outcome) {
         if (IsNotApplied(outcome, Reason::kUnauthorised)) outcome.reason = Reason::kPermanent;
       })},
      {"gives up where no connection can be made",
       {"unreachable-is-transient"},
       EachAnswer([](SpoiltSink&, const ApplyItem&, Outcome& outcome) {
         if (IsNotApplied(outcome, Reason::kTransient)) outcome.reason = Reason::kPermanent;
       })},
      {"waits as long as it takes",
       {"keeps-its-deadline"},
       [](SpoiltSink& sink) {
         sink.apply = [](SpoiltSink& self, ApplyRequest request) {
           request.deadline = absl::InfiniteFuture();
           return self.real->Apply(request);
         };
       }},
      {"waits as long as an answer to a question takes",
       {"keeps-its-deadline"},
       [](SpoiltSink& sink) {
         sink.probe = [](SpoiltSink& self, ProbeRequest request) {
           request.deadline = absl::InfiniteFuture();
           return self.real->Probe(request);
         };
       }},
      {"waits as long as a list takes",
       {"keeps-its-deadline"},
       [](SpoiltSink& sink) {
         sink.list = [](SpoiltSink& self, ListRequest request) {
           request.deadline = absl::InfiniteFuture();
           return self.real->List(request);
         };
       }},
      {"describes itself as something else each time",
       {"describes-itself"},
       [](SpoiltSink& sink) {
         sink.describe = [](SpoiltSink& self, ConnectorDescription& description) {
           description.name += fmt::format(" {}", ++self.memory.count);
         };
       }},
      {"has no name",
       {"describes-itself"},
       [](SpoiltSink& sink) {
         sink.describe = [](SpoiltSink&, ConnectorDescription& description) {
           description.name.clear();
         };
       }},
      {"throws instead of describing itself",
       {"throws-nothing", "describes-itself"},
       [](SpoiltSink& sink) {
         sink.describe = [](SpoiltSink&, ConnectorDescription&) {
           throw std::runtime_error("it is not configured");
         };
       }},
      {"throws instead of declaring anything",
       {"throws-nothing", "declares-sensibly"},
       [](SpoiltSink& sink) {
         sink.declare = [](SpoiltSink&, SinkCapabilities&) {
           throw std::runtime_error("it is not configured");
         };
       }},
      {"takes no items at a time",
       {"declares-sensibly"},
       [](SpoiltSink& sink) {
         sink.declare = [](SpoiltSink&, SinkCapabilities& declared) {
           declared.batch_items_max = 0;
         };
       }},
      {"declares something else each time",
       {"declares-sensibly"},
       [](SpoiltSink& sink) {
         sink.declare = [](SpoiltSink& self, SinkCapabilities& declared) {
           declared.batch_items_max = 5 + ++self.memory.count;
         };
       }},
  };
}

}  // namespace retailsync::testing
