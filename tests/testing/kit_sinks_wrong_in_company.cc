#include "testing/kit_wrong_sinks.h"

namespace retailsync::testing {
namespace {

// Spoils a request of several items before it is sent.
SpoilSink Company(std::function<void(ApplyRequest&)> edit) {
  return [edit](SpoiltSink& sink) {
    sink.apply = [edit](SpoiltSink& self, ApplyRequest request) {
      if (request.items.size() > 1) edit(request);
      return self.real->Apply(request);
    };
  };
}

// Claims some items of a request of several.
SpoilSink Claims(std::function<bool(const ApplyItem& first, const ApplyItem& item)> is_claimed) {
  return [is_claimed](SpoiltSink& sink) {
    sink.apply = [is_claimed](SpoiltSink& self, const ApplyRequest& request) {
      ApplyRequest rest{.items = {}, .deadline = request.deadline};
      ApplyResponse claimed;
      for (const ApplyItem& item : request.items) {
        if (request.items.size() > 1 && is_claimed(request.items.front(), item)) {
          claimed.outcomes.push_back(
              {item.idempotency_key, Applied(item.external_id, item.remote_version)});
        } else {
          rest.items.push_back(item);
        }
      }
      ApplyResponse response = self.real->Apply(rest);
      for (ItemOutcome& outcome : claimed.outcomes) response.outcomes.push_back(outcome);
      return response;
    };
  };
}

}  // namespace

std::vector<WrongSink> WrongInCompany() {
  return {
      {"drops the condition of what comes in company",
       {"items-stand-alone"},
       Company([](ApplyRequest& request) {
         for (ApplyItem& item : request.items) item.remote_version.clear();
       })},
      {"does to all what the first item asks for",
       {"items-stand-alone"},
       Company([](ApplyRequest& request) {
         for (ApplyItem& item : request.items) item.operation = request.items.front().operation;
       })},
      {"gives products in company no titles, but the first",
       {"items-stand-alone"},
       Company([](ApplyRequest& request) {
         for (size_t i = 1; i < request.items.size(); ++i) {
           model::v1::Entity& entity = request.items[i].entity;
           if (entity.has_product()) entity.mutable_product()->clear_titles();
         }
       })},
      {"claims what is of another type than the first item",
       {"items-stand-alone"},
       Claims(
           [](const ApplyItem& first, const ApplyItem& item) { return item.type != first.type; })},
      {"inserts in bulk, and claims the updates",
       {"items-stand-alone", "unreachable-is-transient", "lost-answer-is-unknown"},
       Claims([](const ApplyItem&, const ApplyItem& item) {
         return item.version > 1 && item.operation == model::v1::OPERATION_UPSERT;
       })},
  };
}

}  // namespace retailsync::testing
