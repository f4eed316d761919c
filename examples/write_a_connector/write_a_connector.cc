// Tries the connector without a network: a canned client answers, the conformance kit judges it,
// the engine drives it.
#include <cstdio>
#include <map>

#include "retailsync/base/clock.h"
#include "retailsync/engine/engine.h"
#include "retailsync/store/memory_store.h"
#include "retailsync/testing/sink_kit.h"
#include "stock_sink.h"

using namespace retailsync;  // NOLINT: one screen

namespace {

// A warehouse in a map. The first PUT takes effect and its answer is lost on the way.
class CannedClient final : public HttpClient {
 public:
  HttpResult Send(const HttpRequest& request) override {
    HttpResult result;
    result.response.status = 200;
    if (request.method == "PUT") {
      levels[request.url] = request.body;
      if (++puts == 1) result.status = absl::DeadlineExceededError("no answer in time");
    } else if (levels.count(request.url) > 0) {
      result.response.body = levels[request.url];
    } else {
      result.response.status = 404;
    }
    return result;
  }
  std::map<std::string, std::string> levels;
  int puts = 0;
};

// An ERP with one level to tell of.
class Erp final : public Source {
 public:
  explicit Erp(model::v1::InventoryLevel level) : level_(std::move(level)) {}
  ConnectorDescription Describe() const override { return {.name = "Example ERP"}; }
  SourceCapabilities Capabilities() const override {
    return {.entities = {EntityType::kInventoryLevel}};
  }
  absl::StatusOr<PollResponse> Poll(const PollRequest& request) override {
    PollResponse response{.next_cursor = "end"};
    if (request.cursor == "end") return response;
    model::v1::Change& change = response.changes.emplace_back();
    change.set_id("count/1");
    change.set_subject("LAMP@main");
    change.set_operation(model::v1::OPERATION_UPSERT);
    *change.mutable_entity()->mutable_inventory_level() = level_;
    return response;
  }

 private:
  model::v1::InventoryLevel level_;
};

int failures = 0;
void Expect(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "write_a_connector: %s\n", what);
}

}  // namespace

int main() {
  // The codec alone.
  auto level = warehouse::DecodeLevel("LAMP;main;7");
  Expect(level.ok() && *warehouse::EncodeLevel(*level) == "LAMP;main;7", "decode and encode");
  Expect(!warehouse::DecodeLevel("LAMP;main;many").ok(), "pieces must be a number");

  // The connector by itself: whether it keeps what the interface asks of it.
  CannedClient calm;
  calm.puts = 1;
  auto report = testing::CheckSink({
      .open = [&] { return std::make_unique<warehouse::StockSink>(&calm, "https://kit.example"); },
      .effects = [&] { return static_cast<uint64_t>(calm.puts); },
  });
  if (!report.ok()) std::fputs(report.Text().c_str(), stderr);
  Expect(report.ok(), "the connector conforms");

  // The connector under the engine.
  Erp erp(*level);
  CannedClient http;
  warehouse::StockSink sink(&http, "https://warehouse.example");
  SimulatedClock clock;
  auto store = store::OpenMemory();
  auto engine = Engine::Create({}, {.store = store.get(), .clock = &clock}).value();
  Expect(engine->AddSystem("erp", {.source = &erp}).ok() &&
             engine->AddSystem("wms", {.sink = &sink}).ok() &&
             engine->AddRoute({.name = "stock", .to = "wms", .entity = EntityType::kInventoryLevel})
                 .ok(),
         "set up");
  for (int i = 0; i < 1000 && !engine->Idle(); ++i) {
    auto step = engine->Step();
    Expect(step.ok(), "step");
    if (step.ok() && !step->progressed) clock.Advance(absl::Seconds(1));
  }
  Expect(engine->Idle() && engine->Status().open_dead_letters == 0, "everything is settled");
  Expect(http.levels["https://warehouse.example/stock/main/LAMP"] == "LAMP;main;7", "the level");
  Expect(http.puts == 1, "an answer that was lost is asked about, not sent again");
  if (failures == 0) std::puts("The level is in the warehouse, sent once although no answer came.");
  return failures == 0 ? 0 : 1;
}
