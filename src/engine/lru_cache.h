// A map that knows what was used last and what it weighs.
#ifndef RETAILSYNC_SRC_ENGINE_LRU_CACHE_H_
#define RETAILSYNC_SRC_ENGINE_LRU_CACHE_H_

#include <cstddef>
#include <deque>
#include <utility>

#include "absl/container/flat_hash_set.h"

namespace retailsync::engine {

// Entries stay where they are in memory until they are trimmed or erased, and are used again then.
template <typename Key, typename Value, typename Hash, typename Equal = std::equal_to<>>
class LruCache {
 public:
  LruCache() { newest_.next = newest_.previous = &newest_; }
  LruCache(const LruCache&) = delete;
  LruCache& operator=(const LruCache&) = delete;

  // Null when it is not there; otherwise it now counts as used.
  template <typename LookUp>
  Value* Find(const LookUp& key) {
    return Find(key, Hash()(key));
  }
  // For who has the key's hash at hand.
  template <typename LookUp>
  Value* Find(const LookUp& key, size_t hash) {
    const auto found = index_.find(key, hash);
    if (found == index_.end()) return nullptr;
    Node* node = *found;
    Unlink(node);
    LinkNewest(node);
    return &node->value;
  }
  // What is there, which now counts as used; otherwise an empty value, to be weighed.
  Value* FindOrMake(const Key& key) { return &NodeOf(key)->value; }
  // Replaces what was there.
  Value* Put(const Key& key, Value&& value, size_t bytes) {
    Node* node = NodeOf(key);
    node->value = std::move(value);
    bytes_ += bytes - node->bytes;
    node->bytes = bytes;
    return &node->value;
  }
  template <typename LookUp>
  void Weigh(const LookUp& key, size_t bytes) {
    if (const auto found = index_.find(key); found != index_.end()) {
      bytes_ += bytes - (*found)->bytes;
      (*found)->bytes = bytes;
    }
  }
  template <typename LookUp>
  void Erase(const LookUp& key) {
    if (const auto found = index_.find(key); found != index_.end()) {
      Node* node = *found;
      index_.erase(found);
      Free(node);
    }
  }
  // Drops what was not used for longest, down to `bytes_max`.
  void Trim(size_t bytes_max) {
    while (bytes_ > bytes_max && newest_.previous != &newest_) {
      Node* node = static_cast<Node*>(newest_.previous);
      index_.erase(node);
      Free(node);
    }
  }
  void Clear() {
    index_.clear();
    nodes_.clear();
    free_ = nullptr;
    newest_.next = newest_.previous = &newest_;
    bytes_ = 0;
  }
  size_t bytes() const { return bytes_; }

 private:
  struct Link {
    Link* next = nullptr;  // less recently used
    Link* previous = nullptr;
  };
  struct Node : Link {
    Key key;
    Value value;
    size_t bytes = 0;
  };
  // The index finds nodes by their keys and has none of its own: it is small, which is what a look
  // at it costs.
  struct IndexHash {
    using is_transparent = void;
    size_t operator()(Node* node) const { return Hash()(node->key); }
    template <typename LookUp>
    size_t operator()(const LookUp& key) const {
      return Hash()(key);
    }
  };
  struct IndexEqual {
    using is_transparent = void;
    bool operator()(Node* a, Node* b) const { return a == b; }
    template <typename LookUp>
    bool operator()(Node* node, const LookUp& key) const {
      return Equal()(node->key, key);
    }
  };

  Node* NodeOf(const Key& key) {
    const size_t hash = Hash()(key);
    const auto found = index_.find(key, hash);
    Node* node = nullptr;
    if (found == index_.end()) {
      node = NewNode();
      node->key = key;
      index_.insert(node);
    } else {
      node = *found;
      Unlink(node);
    }
    LinkNewest(node);
    return node;
  }
  static void Unlink(Link* node) {
    node->previous->next = node->next;
    node->next->previous = node->previous;
  }
  void LinkNewest(Link* node) {
    node->next = newest_.next;
    node->previous = &newest_;
    node->next->previous = node;
    newest_.next = node;
  }
  Node* NewNode() {
    if (free_ == nullptr) return &nodes_.emplace_back();
    Node* node = free_;
    free_ = static_cast<Node*>(node->next);
    return node;
  }
  void Free(Node* node) {
    Unlink(node);
    bytes_ -= std::exchange(node->bytes, 0);
    node->value = Value();
    node->key = Key();
    node->next = free_;
    free_ = node;
  }

  std::deque<Node> nodes_;
  Node* free_ = nullptr;  // those that hold nothing, by `next`
  Link newest_;           // a ring
  absl::flat_hash_set<Node*, IndexHash, IndexEqual> index_;
  size_t bytes_ = 0;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_LRU_CACHE_H_
