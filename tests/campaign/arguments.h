// What the campaign's programs read from their command line alike.
#ifndef RETAILSYNC_TESTS_CAMPAIGN_ARGUMENTS_H_
#define RETAILSYNC_TESTS_CAMPAIGN_ARGUMENTS_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "retailsync/testing/simulation.h"

namespace retailsync::testing {

[[noreturn]] inline void Refuse(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(3);
}

// The value of the argument `name`: a number of 1 or more.
inline uint64_t ParseCount(const std::string& name, const char* text) {
  char* end = nullptr;
  const uint64_t value = std::strtoull(text, &end, 10);
  if (*text == '\0' || *text == '-' || *end != '\0' || value == 0) {
    Refuse(name + ": '" + text + "' is no number of 1 or more");
  }
  return value;
}

inline SimulatedStore ParseStore(const std::string& text) {
  if (text == "memory") return SimulatedStore::kMemory;
  if (text == "sqlite") return SimulatedStore::kSqlite;
  Refuse("--store: '" + text + "' is neither memory nor sqlite");
}

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTS_CAMPAIGN_ARGUMENTS_H_
