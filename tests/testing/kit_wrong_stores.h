// Stores that are wrong in one way each.
#ifndef RETAILSYNC_TESTS_TESTING_KIT_WRONG_STORES_H_
#define RETAILSYNC_TESTS_TESTING_KIT_WRONG_STORES_H_

#include <functional>
#include <string>
#include <vector>

#include "testing/kit_spoilt_store.h"

namespace retailsync::testing {

struct WrongStore {
  std::string what;                 // it does
  std::vector<std::string> caught;  // the checks that fail, the one that names it first
  std::function<Spoiling()> spoil;  // called for each new place
  bool survives_reopening = true;
  bool survives_a_crash = true;
  bool has_one_writer = true;
};

std::vector<WrongStore> WrongStores();

}  // namespace retailsync::testing

#endif  // RETAILSYNC_TESTS_TESTING_KIT_WRONG_STORES_H_
