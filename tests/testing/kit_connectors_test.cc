// Every connector in the tree passes its kit.
#include <fmt/format.h>
#include <sqlite3.h>

#include "erp.h"
#include "examples/retail_year/input.h"
#include "retailsync/store/host_outbox.h"
#include "retailsync/testing/catch2.h"
#include "retailsync/testing/sample_entities.h"
#include "retailsync/testing/sink_kit.h"
#include "retailsync/testing/source_kit.h"
#include "sample.h"
#include "shop_source.h"
#include "stock_sink.h"
#include "support/catch.h"

namespace retailsync::testing {
namespace {

// A warehouse behind HTTP, with the time it takes and the troubles it has.
class Warehouse final : public HttpClient {
 public:
  SimulatedClock clock;
  std::map<std::string, std::string> levels;  // by URL
  uint64_t puts = 0;
  Trouble trouble = Trouble::kNone;

  HttpResult Send(const HttpRequest& request) override {
    HttpResult result;
    if (trouble == Trouble::kUnreachable) {
      result.status = absl::UnavailableError("connection refused");
      result.progress = HttpProgress::kNotSent;
      return result;
    }
    if (trouble == Trouble::kSlow) clock.Advance(request.timeout);
    if (trouble == Trouble::kThrottled || trouble == Trouble::kUnauthorised) {
      result.response.status = trouble == Trouble::kThrottled ? 429 : 401;
      return result;
    }
    result.response.status = 200;
    const auto level = levels.find(request.url);
    if (request.method == "PUT") {
      levels[request.url] = request.body;
      ++puts;
    } else if (level == levels.end()) {
      result.response.status = 404;
    } else {
      result.response.body = level->second;
    }
    if (trouble != Trouble::kNone) result.status = absl::DeadlineExceededError("no answer");
    return result;
  }
};

TEST_CASE("The example's stock sink conforms", "[kit]") {
  const std::string url = "https://warehouse.example";
  Warehouse http;
  SinkSubject subject;
  subject.open = [&] { return std::make_unique<warehouse::StockSink>(&http, url); };
  subject.look = [&](const Entity& entity) -> absl::StatusOr<std::optional<Entity>> {
    const auto& level = entity.inventory_level();
    const auto found =
        http.levels.find(url + "/stock/" + level.location() + "/" + level.product().key());
    if (found == http.levels.end()) return std::nullopt;
    auto decoded = warehouse::DecodeLevel(found->second);
    if (!decoded.ok()) return decoded.status();
    Entity held;
    *held.mutable_inventory_level() = *decoded;
    return held;
  };
  subject.effects = [&] { return http.puts; };
  subject.clock = &http.clock;
  subject.advance = [&](absl::Duration span) { http.clock.Advance(span); };
  subject.trouble = [&](Trouble trouble) {
    http.trouble = trouble;
    return true;
  };
  subject.make_refused = [](const SampleRequest& request) {
    Entity half = MakeLevel(request.label, 1);
    half.mutable_inventory_level()->mutable_on_hand()->mutable_value()->set_nanos(500'000'000);
    return half;
  };
  catch2::ExpectConforms(CheckSink(subject));
}

TEST_CASE("The example's ERP conforms", "[kit]") {
  const Folder folder;
  SinkSubject subject;
  subject.open = [&] { return retail_year::Erp::Open(folder.Path("erp.db")); };
  subject.make = [](const SampleRequest& request) {
    Entity entity = MakeSample(request);
    // Of a customer this ERP knows the country, and no name.
    const char* countries[] = {"United Kingdom", "Germany", "EIRE", "France"};
    if (entity.has_customer())
      entity.mutable_customer()->set_country(countries[request.variant % 4]);
    return entity;
  };
  subject.make_refused = [](const SampleRequest& request) {
    // What refers to an article that does not exist.
    SampleRequest wrong = request;
    wrong.shared = "no such article";
    if (request.type == EntityType::kPrice) wrong.label += "-0";
    const Entity entity = MakeSample(wrong);
    return ReferencesOf(entity).empty() ? Entity() : entity;
  };
  catch2::ExpectConforms(CheckSink(subject));
}

TEST_CASE("The example's shop source conforms", "[kit]") {
  const Folder folder;
  const auto files = retail_year::MakeSample(folder.Path("sample"));
  REQUIRE(files.ok());
  SourceSubject subject;
  subject.open = [&] { return std::make_unique<retail_year::ShopSource>(*files); };
  catch2::ExpectConforms(CheckSource(subject));
}

TEST_CASE("The host's outbox conforms", "[kit]") {
  const Folder folder;
  sqlite3* host = nullptr;
  REQUIRE(sqlite3_open(folder.Path("host.db").c_str(), &host) == SQLITE_OK);
  REQUIRE(store::PrepareHostOutbox(host).ok());
  int said = 0;
  SourceSubject subject;
  subject.open = [&] { return store::OpenHostOutbox(folder.Path("host.db")); };
  subject.put = [&](const Entity& entity) {
    ++said;
    return store::EnqueueChange(host, Upsert("", fmt::format("c{}", said), entity, said));
  };
  subject.remove = [&](const Entity& entity) {
    ++said;
    return store::EnqueueChange(host, Delete("", fmt::format("c{}", said), entity, said));
  };
  subject.put_garbage = [&](const std::string& label) {
    const std::string sql = fmt::format(
        "INSERT INTO retailsync_outbox(change_id, change) VALUES ('{}', x'ffffff')", label);
    return sqlite3_exec(host, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK
               ? absl::OkStatus()
               : absl::InternalError(sqlite3_errmsg(host));
  };
  catch2::ExpectConforms(CheckSource(subject));
  sqlite3_close(host);
}

}  // namespace
}  // namespace retailsync::testing
