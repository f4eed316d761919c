// An ERP refuses two orders. A person who may do so looks at them, mends one and gives the other
// up.
#include <cstdio>
#include <set>
#include <string>
#include <utility>

#include "retailsync/base/clock.h"
#include "retailsync/engine/engine.h"
#include "retailsync/governance/access_table.h"
#include "retailsync/store/memory_store.h"

using namespace retailsync;  // NOLINT: one screen

namespace {

// A shop with three orders to tell of; the channel of two is none that the ERP knows.
class Shop final : public Source {
 public:
  ConnectorDescription Describe() const override { return {.name = "Example shop"}; }
  SourceCapabilities Capabilities() const override { return {.entities = {EntityType::kOrder}}; }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    PollResponse response{.next_cursor = "end"};
    if (request.cursor == "end") return response;
    const std::pair<const char*, const char*> orders[] = {
        {"1001", "web"}, {"1002", "wbe"}, {"1003", "test"}};
    for (const auto& [number, channel] : orders) {
      model::v1::Change& change = response.changes.emplace_back();
      change.set_id(std::string("order-placed/") + number);
      change.set_subject(number);
      change.set_operation(model::v1::OPERATION_UPSERT);
      change.mutable_entity()->mutable_order()->set_number(number);
      change.mutable_entity()->mutable_order()->set_channel(channel);
    }
    return response;
  }
};

// Takes orders of the channels "web" and "store" only.
class Erp final : public Sink {
 public:
  ConnectorDescription Describe() const override { return {.name = "Example ERP"}; }
  SinkCapabilities Capabilities() const override {
    return {.entities = {EntityType::kOrder}, .idempotent = true};
  }
  ApplyResponse Apply(const ApplyRequest& request) override {
    ApplyResponse response;
    for (const ApplyItem& item : request.items) {
      const model::v1::Order& order = item.entity.order();
      bool known = order.channel() == "web" || order.channel() == "store";
      if (known) posted.insert(order.number());
      response.outcomes.push_back(
          {item.idempotency_key,
           known ? Applied()
                 : NotApplied(Reason::kPermanent, "channel: must be one the ERP knows")});
    }
    return response;
  }
  std::set<std::string> posted;
};

int failures = 0;
void Expect(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "operate_dead_letters: %s\n", what);
}

void RunUntilIdle(Engine& engine, SimulatedClock& clock) {
  for (int i = 0; i < 1000 && !engine.Idle(); ++i) {
    auto step = engine.Step();
    Expect(step.ok(), "step");
    if (step.ok() && !step->progressed) clock.Advance(absl::Seconds(1));
  }
  Expect(engine.Idle(), "everything is settled");
}

}  // namespace

int main() {
  using Op = PrivilegedOperation;
  governance::AccessTable access({{.principal = "anna",
                                   .operations = {Op::kReadDeadLetters, Op::kEditDeadLetter,
                                                  Op::kRequeueDeadLetter, Op::kDiscardDeadLetter},
                                   .systems = {}}});
  Shop shop;
  Erp erp;
  SimulatedClock clock;
  auto store = store::OpenMemory();
  auto engine =
      Engine::Create({}, {.store = store.get(), .clock = &clock, .access = &access}).value();
  Expect(engine->AddSystem("shop", {.source = &shop}).ok() &&
             engine->AddSystem("erp", {.sink = &erp}).ok() &&
             engine->AddRoute({.name = "orders", .to = "erp", .entity = EntityType::kOrder}).ok(),
         "set up");
  RunUntilIdle(*engine, clock);
  Expect(erp.posted == std::set<std::string>{"1001"}, "a poison order blocks only itself");

  // [operate_dead_letters]
  const Principal anna{"anna"};
  DeadLetters letters = engine->dead_letters();
  Expect(!letters.List({}, {"somebody"}).ok(), "who has no grant is refused");
  auto list = letters.List({.system = "erp"}, anna);
  Expect(list.ok() && list->size() == 2, "both orders are there");
  for (const DeadLetter& entry : *list) {
    auto letter = letters.Show(entry.row.id, anna);  // reason, message, history, content
    Expect(letter.ok() && letter->row.reason == dead_letter_reason::kPermanent, "why");
    if (letter->entity.order().number() == "1002") {
      model::v1::Entity mended = letter->entity;
      mended.mutable_order()->set_channel("web");
      Expect(letters.Edit(letter->row.id, mended, anna).ok(), "edit");
      Expect(letters.Requeue(letter->row.id, anna).ok(), "requeue");
    } else {
      Expect(letters.Discard(letter->row.id, "a test order", anna).ok(), "discard");
    }
  }
  // [operate_dead_letters]

  RunUntilIdle(*engine, clock);
  Expect(erp.posted == std::set<std::string>{"1001", "1002"}, "the mended order is posted");
  Expect(engine->Status().open_dead_letters == 0, "nothing is left open");
  auto closed = letters.List({.state = DeadLetterState::kDiscarded}, anna);
  Expect(closed.ok() && closed->size() == 1 &&
             closed->at(0).row.history.find("a test order") != std::string::npos,
         "the discarded one says who gave it up, and why");
  if (failures == 0) std::puts("One order was mended and posted, one was given up with a reason.");
  return failures == 0 ? 0 : 1;
}
