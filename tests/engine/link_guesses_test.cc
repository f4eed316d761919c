// Guesses are of names that fall into few places.
#include "engine/link_guesses.h"

#include "support/catch.h"

namespace retailsync::engine {
namespace {

// Names whose hashes are told apart by their low bits, and by bits from the 32nd on.
constexpr size_t Hash(size_t place, size_t tag) {
  return place | tag << 32;
}

TEST_CASE("A guess is found by its name's hash until another name takes its place", "[engine]") {
  constexpr size_t kPlaces = 16;
  LinkGuesses guesses(kPlaces * sizeof(uint64_t));
  CHECK(guesses.Find(Hash(3, 7)) == 0);
  guesses.Put(Hash(3, 7), 1'000'001);
  guesses.Put(Hash(4, 7), 2);
  CHECK(guesses.Find(Hash(3, 7)) == 1'000'001);
  CHECK(guesses.Find(Hash(4, 7)) == 2);
  CHECK(guesses.Find(Hash(3, 8)) == 0);
  // The same place, which is one of few.
  guesses.Put(Hash(3 + kPlaces, 8), 5);
  CHECK(guesses.Find(Hash(3, 7)) == 0);
  CHECK(guesses.Find(Hash(3, 8)) == 5);
  // What falls there is forgotten, whoever it was of.
  guesses.Erase(Hash(3, 9));
  CHECK(guesses.Find(Hash(3, 8)) == 0);
  guesses.Clear();
  CHECK(guesses.Find(Hash(4, 7)) == 0);
}

TEST_CASE("There is room for one guess at least", "[engine]") {
  LinkGuesses guesses(0);
  guesses.Put(Hash(9, 1), 3);
  CHECK(guesses.Find(Hash(9, 1)) == 3);
}

}  // namespace
}  // namespace retailsync::engine
