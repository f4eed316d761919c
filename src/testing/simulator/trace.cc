#include "testing/simulator/trace.h"

#include "retailsync/base/digest.h"

namespace retailsync::testing {

void Trace::CloseBlock() {
  if (keep_) kept_ += block_;
  before_ = Sha256Hex(before_ + block_);
  block_.clear();
}

std::string Trace::Digest() const {
  return Sha256Hex(before_ + block_);
}

}  // namespace retailsync::testing
