#include "bench/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace retailsync::bench {
namespace {

constexpr size_t kComplaintsMax = 10;

std::string NameOf(EntityType type, uint64_t index) {
  return fmt::format("{} {}", Name(type), index);
}

// The keys are digests in hexadecimal: their beginning tells them apart as well as the whole.
uint64_t Abridge(std::string_view key) {
  uint64_t number = 0;
  int digits = 0;
  for (const char c : key) {
    if (c == '-') continue;
    number = number << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    if (++digits == 16) break;
  }
  return number;
}

}  // namespace

void Ledger::Reserve(EntityType type, uint64_t entities) {
  slots_[static_cast<size_t>(type)].resize(entities);
}

void Ledger::ReserveKeys(uint64_t effects) {
  const size_t before = keys_.size();
  keys_.resize(before + effects);  // resize touches what reserve would not
  keys_.resize(before);
}

void Ledger::Take(EntityType type, uint64_t index, int64_t version, int64_t value,
                  std::string_view idempotency_key) {
  ++effects_;
  keys_.push_back(Abridge(idempotency_key));
  std::vector<Slot>& slots = slots_[static_cast<size_t>(type)];
  if (index >= slots.size()) return Complain(NameOf(type, index) + " was never told of");
  Slot& slot = slots[index];
  if (version <= slot.version) {
    Complain(fmt::format("{} version {} took effect after version {}", NameOf(type, index), version,
                         slot.version));
  }
  slot.version = static_cast<uint32_t>(version);
  slot.value = value;
  ++slot.effects;
}

uint64_t Ledger::EffectsOf(EntityType type) const {
  uint64_t sum = 0;
  for (const Slot& slot : slots_[static_cast<size_t>(type)]) sum += slot.effects;
  return sum;
}

void Ledger::Complain(std::string sentence) {
  if (complaints_.size() < kComplaintsMax) complaints_.push_back(std::move(sentence));
}

void Ledger::CheckKeys() {
  std::sort(keys_.begin(), keys_.end());
  const auto twice = std::adjacent_find(keys_.begin(), keys_.end());
  if (twice != keys_.end()) {
    Complain(fmt::format("the idempotency key {:016x}… took effect twice", *twice));
  }
}

std::vector<std::string> Ledger::Check(const std::vector<Wanted>& wanted) {
  CheckKeys();
  uint64_t accounted_for = 0;
  for (const Wanted& want : wanted) {
    const std::vector<Slot>& slots = slots_[static_cast<size_t>(want.type)];
    for (uint64_t i = 0; i < std::max<uint64_t>(want.entities, slots.size()); ++i) {
      const Slot slot = i < slots.size() ? slots[i] : Slot();
      const auto value = i < want.entities ? want.value(i) : std::nullopt;
      accounted_for += slot.effects;
      if (!value && slot.effects > 0) {
        Complain(NameOf(want.type, i) + " took effect and should not have");
      } else if (value && slot.effects == 0) {
        Complain(NameOf(want.type, i) + " never took effect");
      } else if (value && slot.value != *value) {
        Complain(
            fmt::format("{} ended as {} rather than {}", NameOf(want.type, i), slot.value, *value));
      } else if (value && want.effects > 0 && slot.effects != want.effects) {
        Complain(fmt::format("{} took effect {} times rather than {}", NameOf(want.type, i),
                             slot.effects, want.effects));
      }
    }
  }
  if (accounted_for != effects_) {
    Complain(fmt::format("{} effects, of which {} were wanted", effects_, accounted_for));
  }
  return std::exchange(complaints_, {});
}

}  // namespace retailsync::bench
