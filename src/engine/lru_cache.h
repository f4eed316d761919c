// A map that knows what was used last and what it weighs.
#ifndef RETAILSYNC_SRC_ENGINE_LRU_CACHE_H_
#define RETAILSYNC_SRC_ENGINE_LRU_CACHE_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

namespace retailsync::engine {

// Entries stay where they are in memory until they are trimmed or erased, and are used again then.
// The buckets of the index grow in number one at a time (linear hashing, W. Litwin, 1980): however
// many entries there are, none that is added waits until all others were moved, and those that go
// leave nothing behind that would have to be swept up.
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
    Node* node = *PlaceOf(key, hash);
    if (node == nullptr) return nullptr;
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
    if (Node* node = *PlaceOf(key, Hash()(key))) {
      bytes_ += bytes - node->bytes;
      node->bytes = bytes;
    }
  }
  template <typename LookUp>
  void Erase(const LookUp& key) {
    if (Node** place = PlaceOf(key, Hash()(key)); *place != nullptr) Free(place);
  }
  // Drops what was not used for longest, down to `bytes_max`; not what `keep(key, value)` is true
  // of.
  template <typename Keep>
  void Trim(size_t bytes_max, Keep keep) {
    for (Link* link = newest_.previous; bytes_ > bytes_max && link != &newest_;) {
      const Node* node = static_cast<Node*>(std::exchange(link, link->previous));
      if (keep(node->key, node->value)) continue;
      Node** place = &buckets_[BucketOf(node->hash)];
      while (*place != node) place = &(*place)->next_in_bucket;
      Free(place);
    }
  }
  void Trim(size_t bytes_max) {
    Trim(bytes_max, [](const Key&, const Value&) { return false; });
  }
  void Clear() {
    buckets_.assign(1, nullptr);
    low_mask_ = 0;
    used_ = 0;
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
    Node* next_in_bucket = nullptr;
    size_t hash = 0;
    Key key;
    Value value;
    size_t bytes = 0;
  };

  // Of the hash's bits so many count as there are buckets for; where the last bit has none yet, all
  // but that.
  size_t BucketOf(size_t hash) const {
    const size_t bucket = hash & (2 * low_mask_ + 1);
    return bucket < buckets_.size() ? bucket : hash & low_mask_;
  }
  // Where the pointer to the entry is, or would be.
  template <typename LookUp>
  Node** PlaceOf(const LookUp& key, size_t hash) {
    Node** place = &buckets_[BucketOf(hash)];
    while (*place != nullptr && ((*place)->hash != hash || !Equal()((*place)->key, key))) {
      place = &(*place)->next_in_bucket;
    }
    return place;
  }
  // One bucket more, for half of what is in one of the others.
  void AddBucket() {
    const size_t added = buckets_.size();
    Node** to = &buckets_.emplace_back();
    if (added > 2 * low_mask_ + 1) low_mask_ = 2 * low_mask_ + 1;
    Node** from = &buckets_[added & low_mask_];
    while (Node* node = *from) {
      if (BucketOf(node->hash) == added) {
        *from = std::exchange(node->next_in_bucket, nullptr);
        *to = node;
        to = &node->next_in_bucket;
      } else {
        from = &node->next_in_bucket;
      }
    }
  }

  Node* NodeOf(const Key& key) {
    const size_t hash = Hash()(key);
    Node* node = *PlaceOf(key, hash);
    if (node != nullptr) {
      Unlink(node);
    } else {
      if (++used_ > buckets_.size()) AddBucket();
      node = NewNode();
      node->key = key;
      node->hash = hash;
      Node*& first = buckets_[BucketOf(hash)];
      node->next_in_bucket = std::exchange(first, node);
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
  // `place`: the pointer to it in its bucket.
  void Free(Node** place) {
    Node* node = std::exchange(*place, (*place)->next_in_bucket);
    Unlink(node);
    --used_;
    bytes_ -= std::exchange(node->bytes, 0);
    node->value = Value();
    node->key = Key();
    node->next = free_;
    free_ = node;
  }

  std::deque<Node> nodes_;
  Node* free_ = nullptr;  // those that hold nothing, by `next`
  Link newest_;           // a ring
  std::vector<Node*> buckets_{nullptr};
  size_t low_mask_ = 0;  // there are more buckets than this, and at most twice as many and two
  size_t used_ = 0;
  size_t bytes_ = 0;
};

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_LRU_CACHE_H_
