// What took effect at a target, kept by the target, and whether that is what had to.
//
// Compact, so that ten million entities fit beside what is measured: 16 bytes an entity and 8 a
// key.
#ifndef RETAILSYNC_TESTS_BENCH_LEDGER_H_
#define RETAILSYNC_TESTS_BENCH_LEDGER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "retailsync/model/v1/entity.h"

namespace retailsync::bench {

// What a target must hold of one type at the end.
struct Wanted {
  EntityType type = EntityType::kUnspecified;
  uint64_t entities = 0;
  // The value that the entity must have; nothing when it must not be there.
  std::function<std::optional<int64_t>(uint64_t index)> value = {};
  // How often each must have taken effect; 0: as often as may be.
  uint32_t effects = 0;
};

class Ledger {
 public:
  // Makes room, and touches it, so that nothing has to grow while something is measured.
  void Reserve(EntityType type, uint64_t entities);
  void ReserveKeys(uint64_t effects);

  // `version` as the engine numbers the versions of one entity: they must only grow here.
  void Take(EntityType type, uint64_t index, int64_t version, int64_t value,
            std::string_view idempotency_key);

  uint64_t effects() const { return effects_; }
  uint64_t EffectsOf(EntityType type) const;

  // What is wrong, a sentence each, at most a few of a kind; empty: each key took effect once, no
  // version twice or after a later one, and everything that is wanted is there with its last value,
  // and nothing else.
  std::vector<std::string> Check(const std::vector<Wanted>& wanted);

 private:
  struct Slot {
    int64_t value = 0;
    uint32_t version = 0;
    uint32_t effects = 0;
  };

  void Complain(std::string sentence);
  void CheckKeys();

  std::array<std::vector<Slot>, kEntityTypeCount> slots_;
  std::vector<uint64_t> keys_;  // the first 64 bits of each
  uint64_t effects_ = 0;
  std::vector<std::string> complaints_;
};

}  // namespace retailsync::bench

#endif  // RETAILSYNC_TESTS_BENCH_LEDGER_H_
