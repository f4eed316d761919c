// A sink in front of another that fails, and that loses answers.
#ifndef RETAIL_YEAR_FAULTY_SINK_H_
#define RETAIL_YEAR_FAULTY_SINK_H_

#include <cstdint>

#include "retailsync/spi/sink.h"

namespace retail_year {

struct Faults {
  double fail = 0;           // the share of items that fail before they have any effect
  double lose_response = 0;  // the share of items that take effect and are then answered "unknown",
                             // or not at all
  uint64_t seed = 1;
};

// Whether an attempt is hit depends on its idempotency key, its number and the seed only.
class FaultySink final : public retailsync::Sink {
 public:
  // Borrows `sink`.
  FaultySink(retailsync::Sink* sink, const Faults& faults) : sink_(sink), faults_(faults) {}

  retailsync::ConnectorDescription Describe() const override { return sink_->Describe(); }
  retailsync::SinkCapabilities Capabilities() const override { return sink_->Capabilities(); }
  retailsync::ApplyResponse Apply(const retailsync::ApplyRequest& request) override;
  retailsync::ProbeResponse Probe(const retailsync::ProbeRequest& request) override {
    return sink_->Probe(request);
  }
  absl::StatusOr<retailsync::ListResponse> List(const retailsync::ListRequest& request) override {
    return sink_->List(request);
  }

  uint64_t failed() const { return failed_; }
  uint64_t lost() const { return lost_; }

 private:
  retailsync::Sink* sink_;
  Faults faults_;
  uint64_t failed_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace retail_year

#endif  // RETAIL_YEAR_FAULTY_SINK_H_
