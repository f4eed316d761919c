// A whole installation on simulated time: clock, store, engine and the systems around it.
#ifndef RETAILSYNC_TESTS_SUPPORT_WORLD_H_
#define RETAILSYNC_TESTS_SUPPORT_WORLD_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "retailsync/base/clock.h"
#include "retailsync/engine/engine.h"
#include "retailsync/spi/observer.h"
#include "support/fake_systems.h"
#include "support/faulty_store.h"

namespace retailsync::fakes {

// Remembers every event, as a line of text.
class Trace final : public Observer {
 public:
  void OnEvent(const Event& event) override;

  const std::vector<std::string>& lines() const { return lines_; }
  // SHA-256 over all lines.
  std::string DigestHex() const;
  int Count(EventKind kind) const;
  // With this detail, or one that contains it.
  int Count(EventKind kind, const std::string& detail) const;

 private:
  std::vector<std::string> lines_;
  std::vector<std::pair<EventKind, std::string>> events_;
};

// Everyone may hand changes in; "anna" may do everything.
class AnnaMayAll final : public AccessPolicy {
 public:
  absl::Status Check(const AccessQuestion& question) const override;
};

inline Principal Anna() {
  return {.name = "anna"};
}

enum class StoreKind : uint8_t { kMemory, kSqlite };

struct WorldSetup {
  EngineOptions options;
  StoreKind store = StoreKind::kMemory;
  const OwnershipPolicy* ownership = nullptr;
  bool access = true;  // AnnaMayAll; false: no policy at all
};

class World {
 public:
  explicit World(const WorldSetup& setup = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // What the engine is told the time is; it may jump.
  SimulatedClock clock;
  // The time that really passes.
  SimulatedClock truth;
  // Both go on.
  void Pass(absl::Duration span) {
    clock.Advance(span);
    truth.Advance(span);
  }
  Trace trace;

  // -- Set up; the engine is made by the first call that needs it. What a system is and does is the
  // test's to change until then.
  FakeShop& MakeShop();
  FakeErp& MakeErp(const std::string& name);
  void AddSystem(const std::string& name, const SystemOptions& options);
  void AddRoute(const Route& route);
  // A route of one type with everything else at its default, named "<from>-<to>-<type>".
  void AddRoute(const std::string& from, const std::string& to, EntityType type);
  // From the next engine on.
  void RemoveRoute(const std::string& name) {
    std::erase_if(routes_, [&](const Route& route) { return route.name == name; });
  }

  Engine& engine();
  FaultyStore& store() { return *faulty_; }
  // Throws the engine and everything it has in memory away, reopens the store and starts again.
  absl::Status Restart();
  // Throws the engine away without starting another.
  void Crash();

  // -- Drive.
  AcceptResponse Accept(const std::vector<Change>& changes);
  // One change. When it was not accepted: a receipt without a sequence, with the error as its
  // message.
  Receipt AcceptOne(const Change& change);
  // Steps, and moves the clock to when the engine wants to be called again, until nothing is owed
  // and every FakeShop was read to its end. Then flushes. An error when it takes more steps, when
  // a step fails, or when the engine is neither idle nor ever wants to be called again.
  absl::Status RunUntilIdle(int steps_max = 20'000);
  // The same, for a span of simulated time; stops earlier when the engine wants nothing more.
  absl::Status RunFor(absl::Duration span, int steps_max = 20'000);
  // Steps without moving the clock until `done`; an error when that takes too many steps.
  absl::Status StepUntil(const std::function<bool()>& done, int steps_max = 200);
  // Is called after every step.
  std::function<void(World&)> after_step;

  // -- Look.
  std::vector<DeadLetter> Letters(const DeadLetterQuery& query = {});
  std::vector<DeadLetter> AllLetters();  // in every state
  std::optional<RecordView> Record(const Entity& entity);
  // The lane of a record to a target; one in the idle state when there is none.
  LaneRow Lane(const Entity& entity, const std::string& target);
  SystemStatus StatusOf(const std::string& system);

 private:
  absl::Status OpenStore();
  // What the engine told last, for a failure's message.
  std::string LastEvents() const;
  absl::Status Start();
  bool ShopsAreRead();

  WorldSetup setup_;
  AnnaMayAll anna_may_all_;
  std::string directory_;
  std::vector<std::unique_ptr<FakeShop>> shops_;
  std::vector<std::unique_ptr<FakeErp>> erps_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FaultyStore> faulty_;
  std::vector<std::pair<std::string, SystemOptions>> systems_;
  std::vector<Route> routes_;
  std::unique_ptr<Engine> engine_;
};

// The usual case: "shop" is read, "erp" is written, a route for each of `types`.
struct ShopAndErp : World {
  explicit ShopAndErp(const WorldSetup& setup = {}, const std::vector<EntityType>& types = {},
                      SystemOptions erp_options = {}, SystemOptions shop_options = {});

  FakeShop& shop;
  FakeErp& erp;
};

}  // namespace retailsync::fakes

// Catch2 shows the whole status when it is not OK.
#define CHECK_OK(expression) CHECK((expression).ToString() == "OK")
#define REQUIRE_OK(expression) REQUIRE((expression).ToString() == "OK")

#endif  // RETAILSYNC_TESTS_SUPPORT_WORLD_H_
