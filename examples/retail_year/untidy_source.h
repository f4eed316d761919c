// A source that tells changes again, later and out of place, and in another order than they
// happened.
#ifndef RETAIL_YEAR_UNTIDY_SOURCE_H_
#define RETAIL_YEAR_UNTIDY_SOURCE_H_

#include <cstdint>
#include <deque>
#include <string>
#include <variant>
#include <vector>

#include "retailsync/spi/source.h"

namespace retail_year {

struct Untidiness {
  double duplicate = 0;  // the share of changes that is told again
  int reorder = 0;       // shuffle within windows of so many; 0: keep the order
  uint64_t seed = 1;
};

// Reads the source in windows that begin where the one before ended. What a window holds and how it
// is shuffled follows from the cursor it begins at, so that a cursor in the middle of it, "<cursor
// of the window>|<how many of it are told>|<the options>", can be gone on from after a kill. With
// other options the window is told again from its beginning. Repetitions are only kept in memory:
// they are told on top of what the cursor counts, and losing one loses nothing.
class UntidySource final : public retailsync::Source {
 public:
  // Borrows `source`.
  UntidySource(retailsync::Source* source, const Untidiness& options);

  retailsync::ConnectorDescription Describe() const override { return source_->Describe(); }
  retailsync::SourceCapabilities Capabilities() const override { return source_->Capabilities(); }
  absl::StatusOr<retailsync::PollResponse> Poll(const retailsync::PollRequest& request) override;

  // Changes told again so far.
  uint64_t repetitions() const { return repetitions_; }

 private:
  using Item = std::variant<retailsync::model::v1::Change, retailsync::RejectedInput>;
  struct Repetition {
    uint64_t due_window = 0;
    retailsync::model::v1::Change change;
  };

  absl::Status Load(std::string cursor);
  std::string Cursor() const;

  retailsync::Source* source_;
  Untidiness options_;
  std::string label_;  // of the options, in cursors
  bool loaded_ = false;
  std::string begin_;  // the source's cursors around the window
  std::string end_;
  bool more_ = true;
  std::vector<Item> window_;
  size_t told_ = 0;
  uint64_t windows_ = 0;
  std::deque<Repetition> repetitions_due_;
  uint64_t repetitions_ = 0;
};

}  // namespace retail_year

#endif  // RETAIL_YEAR_UNTIDY_SOURCE_H_
