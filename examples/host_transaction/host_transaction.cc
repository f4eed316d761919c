// A till with a SQLite database of its own: the sale and the obligation to tell the ERP of it
// commit together, or neither does.
#include <sqlite3.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "retailsync/engine/engine.h"
#include "retailsync/host/real_clock.h"
#include "retailsync/host/runner.h"
#include "retailsync/store/host_outbox.h"
#include "retailsync/store/sqlite_store.h"

using namespace retailsync;  // NOLINT: one screen

namespace {

class Erp final : public Sink {
 public:
  ConnectorDescription Describe() const override { return {.name = "Example ERP"}; }
  SinkCapabilities Capabilities() const override {
    return {.entities = {EntityType::kOrder}, .idempotent = true};
  }
  ApplyResponse Apply(const ApplyRequest& request) override {
    ApplyResponse response;
    for (const ApplyItem& item : request.items) {
      posted.push_back(item.entity.order().number());
      response.outcomes.push_back({item.idempotency_key, Applied()});
    }
    return response;
  }
  std::vector<std::string> posted;
};

void Check(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "host_transaction: %s\n", what.c_str());
  exit(1);
}

void Run(sqlite3* till, const std::string& sql) {
  Check(sqlite3_exec(till, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK, sql);
}

// [host_transaction]
void Sell(sqlite3* till, const std::string& number, bool customer_walks_away) {
  model::v1::Change change;
  change.set_id("sale/" + number);
  change.set_source("till");
  change.set_subject(number);
  change.set_operation(model::v1::OPERATION_UPSERT);
  change.mutable_entity()->mutable_order()->set_number(number);

  Run(till, "BEGIN");
  Run(till, "INSERT INTO sale VALUES('" + number + "')");
  Check(store::EnqueueChange(till, change).ok(), "enqueue " + number);
  Run(till, customer_walks_away ? "ROLLBACK" : "COMMIT");
}
// [host_transaction]

}  // namespace

int main() {
  std::string folder =
      (std::filesystem::temp_directory_path() / "host_transaction.XXXXXX").string();
  Check(mkdtemp(folder.data()) != nullptr, "temporary folder");
  const std::string till_path = folder + "/till.db";
  sqlite3* till = nullptr;
  Check(sqlite3_open(till_path.c_str(), &till) == SQLITE_OK, "open the till's database");
  Run(till, "CREATE TABLE sale(number TEXT PRIMARY KEY)");
  Check(store::PrepareHostOutbox(till).ok(), "prepare the outbox");

  Sell(till, "T-1", false);
  Sell(till, "T-2", true);
  Sell(till, "T-3", false);

  Erp erp;
  {
    auto outbox = store::OpenHostOutbox(till_path);
    auto store = store::OpenSqlite(folder + "/sync.db");
    Check(outbox.ok() && store.ok(), "open");
    auto engine = Engine::Create({}, {.store = store->get(), .clock = host::RealClock()}).value();
    Check(engine->AddSystem("till", {.source = outbox->get()}).ok(), "add the till");
    Check(engine->AddSystem("erp", {.sink = &erp}).ok(), "add the ERP");
    Check(engine->AddRoute({.name = "sales", .to = "erp", .entity = EntityType::kOrder}).ok(),
          "add the route");
    absl::Status status = host::Runner(engine.get()).RunUntilIdle();
    Check(status.ok(), status.ToString());
  }
  Check(erp.posted == std::vector<std::string>{"T-1", "T-3"}, "what was sold, and nothing else");
  sqlite3_close(till);
  std::filesystem::remove_all(folder);
  std::puts("Two sales were committed and reached the ERP; the one rolled back left no trace.");
  return 0;
}
