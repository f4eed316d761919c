#include "engine/prepared_changes.h"

#include <utility>

#include "engine/move_behind.h"

namespace retailsync {

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
  engine::MoveBehind(more.content_->changes, content_->changes);
  engine::MoveBehind(more.content_->prepared, content_->prepared);
}

size_t PreparedChanges::size() const {
  return content_ == nullptr ? 0 : content_->changes.size();
}

}  // namespace retailsync
