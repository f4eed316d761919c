// Sinks that are right, each in a way of its own that a kit might take for a fault.
#include "testing/kit_wrong_sinks.h"

namespace retailsync::testing {

std::vector<RightSink> RightSinks() {
  return {
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
