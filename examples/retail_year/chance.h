// Chance that is the same for the same seed, on every machine.
#ifndef RETAIL_YEAR_CHANCE_H_
#define RETAIL_YEAR_CHANCE_H_

#include <cstdint>
#include <random>
#include <string_view>

namespace retail_year {

// Uniform in [0, 1).
inline double Uniform(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * (1.0 / 9007199254740992.0);
}

// FNV-1a, to give every thing its own stream of chance.
inline uint64_t SeedOf(uint64_t seed, std::string_view what) {
  uint64_t hash = 14695981039346656037u ^ (seed * 0x9E3779B97F4A7C15u);
  for (char c : what) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

}  // namespace retail_year

#endif  // RETAIL_YEAR_CHANCE_H_
