#include "untidy_source.h"

#include <fmt/format.h>

#include <cstdlib>
#include <random>
#include <utility>

#include "chance.h"

namespace retail_year {
namespace {

namespace v1 = retailsync::model::v1;

constexpr int kWindowWithoutReorder = 500;
// A repetition comes up to so many windows after its original.
constexpr uint64_t kDelayWindowsMax = 3;

}  // namespace

UntidySource::UntidySource(retailsync::Source* source, const Untidiness& options)
    : source_(source),
      options_(options),
      label_(fmt::format("{}:{}", options.reorder, options.seed)) {}

std::string UntidySource::Cursor() const {
  if (told_ == 0) return begin_;
  if (told_ == window_.size()) return end_;
  return fmt::format("{}|{}|{}", begin_, told_, label_);
}

absl::Status UntidySource::Load(std::string cursor) {
  retailsync::PollRequest request;
  request.cursor = cursor;
  request.changes_max = options_.reorder > 0 ? options_.reorder : kWindowWithoutReorder;
  absl::StatusOr<retailsync::PollResponse> page = source_->Poll(request);
  if (!page.ok()) return page.status();
  begin_ = cursor;
  end_ = page->next_cursor;
  more_ = page->more;
  window_.clear();
  told_ = 0;
  ++windows_;
  std::mt19937_64 random(SeedOf(options_.seed, cursor));
  for (v1::Change& change : page->changes) {
    if (Uniform(random) < options_.duplicate) {
      repetitions_due_.push_back(
          {.due_window = windows_ + random() % (kDelayWindowsMax + 1), .change = change});
    }
    window_.push_back(std::move(change));
  }
  for (retailsync::RejectedInput& reject : page->rejects) window_.push_back(std::move(reject));
  if (options_.reorder > 0) {
    // A stream of its own, so that the order does not depend on the share of repetitions.
    std::mt19937_64 order(SeedOf(options_.seed, "order/" + cursor));
    for (size_t i = window_.size(); i > 1; --i) std::swap(window_[i - 1], window_[order() % i]);
  }
  loaded_ = true;
  return absl::OkStatus();
}

absl::StatusOr<retailsync::PollResponse> UntidySource::Poll(
    const retailsync::PollRequest& request) {
  if (!loaded_ || request.cursor != Cursor()) {
    size_t bar = request.cursor.find('|');
    absl::Status status = Load(request.cursor.substr(0, bar));
    if (!status.ok()) return status;
    if (bar != std::string::npos) {
      std::string rest = request.cursor.substr(bar + 1);
      size_t told = std::strtoull(rest.c_str(), nullptr, 10);
      if (rest.substr(rest.find('|') + 1) == label_ && told <= window_.size()) told_ = told;
    }
  }
  if (told_ == window_.size() && !more_ && repetitions_due_.empty()) {
    absl::Status status = Load(end_);  // asked again after the end: there may be more by now
    if (!status.ok()) return status;
  }
  retailsync::PollResponse response;
  auto room = static_cast<size_t>(request.changes_max);
  auto used = [&] { return response.changes.size() + response.rejects.size(); };
  while (used() < room) {
    if (told_ == window_.size()) {
      if (!more_) break;
      absl::Status status = Load(end_);
      if (!status.ok()) {
        if (used() == 0) return status;
        break;
      }
      continue;
    }
    if (!repetitions_due_.empty() && repetitions_due_.front().due_window < windows_) {
      response.changes.push_back(std::move(repetitions_due_.front().change));
      repetitions_due_.pop_front();
      ++repetitions_;
      continue;
    }
    Item& item = window_[told_++];
    if (auto* change = std::get_if<v1::Change>(&item)) {
      response.changes.push_back(*change);
    } else {
      response.rejects.push_back(std::get<retailsync::RejectedInput>(item));
    }
  }
  bool window_told = told_ == window_.size();
  while (window_told && !more_ && used() < room && !repetitions_due_.empty()) {
    response.changes.push_back(std::move(repetitions_due_.front().change));
    repetitions_due_.pop_front();
    ++repetitions_;
  }
  response.more = !window_told || more_ || !repetitions_due_.empty();
  response.next_cursor = Cursor();
  return response;
}

}  // namespace retail_year
