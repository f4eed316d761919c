// A map that knows what was used last and what it weighs.
#ifndef RETAILSYNC_SRC_ENGINE_LRU_CACHE_H_
#define RETAILSYNC_SRC_ENGINE_LRU_CACHE_H_

#include <cstddef>
#include <list>
#include <unordered_map>
#include <utility>

namespace retailsync::engine {

// Entries stay where they are in memory until they are trimmed or erased.
template <typename Key, typename Value, typename Hash = std::hash<Key>>
class LruCache {
 public:
  // Null when it is not there; otherwise it now counts as used.
  Value* Find(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return &found->second->value;
  }
  // Replaces what was there.
  Value* Put(const Key& key, Value value, size_t bytes) {
    if (const auto found = index_.find(key); found != index_.end()) {
      bytes_ += bytes - found->second->bytes;
      found->second->bytes = bytes;
      found->second->value = std::move(value);
      order_.splice(order_.begin(), order_, found->second);
      return &found->second->value;
    }
    order_.push_front({key, std::move(value), bytes});
    index_.emplace(key, order_.begin());
    bytes_ += bytes;
    return &order_.front().value;
  }
  void Weigh(const Key& key, size_t bytes) {
    if (const auto found = index_.find(key); found != index_.end()) {
      bytes_ += bytes - found->second->bytes;
      found->second->bytes = bytes;
    }
  }
  // Drops what was not used for longest, down to `bytes_max`.
  void Trim(size_t bytes_max) {
    while (bytes_ > bytes_max && !order_.empty()) {
      bytes_ -= order_.back().bytes;
      index_.erase(order_.back().key);
      order_.pop_back();
    }
  }
  void Clear() {
    index_.clear();
    order_.clear();
    bytes_ = 0;
  }
  size_t bytes() const { return bytes_; }

 private:
  struct Node {
    Key key;
    Value value;
    size_t bytes = 0;
  };
  std::list<Node> order_;  // most recently used first
  std::unordered_map<Key, typename std::list<Node>::iterator, Hash> index_;
  size_t bytes_ = 0;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_LRU_CACHE_H_
