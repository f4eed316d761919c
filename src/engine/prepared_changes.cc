#include "engine/prepared_changes.h"

#include <iterator>
#include <utility>

namespace retailsync {
namespace {

template <typename T>
void MoveBehind(std::vector<T>& own, std::vector<T>& more) {
  own.insert(own.end(), std::move_iterator(more.begin()), std::move_iterator(more.end()));
  more.clear();
}

}  // namespace

PreparedChanges::PreparedChanges() : content_(std::make_unique<Content>()) {}
PreparedChanges::PreparedChanges(std::vector<model::v1::Change> changes)
    : content_(std::make_unique<Content>()) {
  content_->prepared = engine::PrepareAll(changes);
  content_->changes = std::move(changes);
}
PreparedChanges::PreparedChanges(PreparedChanges&&) noexcept = default;
PreparedChanges& PreparedChanges::operator=(PreparedChanges&&) noexcept = default;
PreparedChanges::~PreparedChanges() = default;

void PreparedChanges::Append(PreparedChanges&& more) {
  if (more.size() == 0) return;
  if (size() == 0) {
    std::swap(content_, more.content_);
    return;
  }
  MoveBehind(content_->changes, more.content_->changes);
  MoveBehind(content_->prepared, more.content_->prepared);
}

size_t PreparedChanges::size() const {
  return content_ == nullptr ? 0 : content_->changes.size();
}

}  // namespace retailsync
