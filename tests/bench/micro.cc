// The smallest pieces, alone: what is done to each change, once or several times.
#include <benchmark/benchmark.h>
#include <google/protobuf/arena.h>

#include <string>
#include <vector>

#include "bench/experiment.h"
#include "bench/retailer.h"
#include "engine/idempotency_key.h"
#include "engine/memory.h"
#include "model/v1/canonical_encoding.h"
#include "retailsync/base/digest.h"
#include "retailsync/model/v1/canonical.h"
#include "retailsync/model/v1/merge.h"
#include "retailsync/model/v1/validation.h"
#include "retailsync/spi/rows.h"

namespace retailsync::bench {
namespace {

using model::v1::Change;
using model::v1::Entity;

const Retailer& TheRetailer() {
  static const Retailer& retailer = *new Retailer(10'000, 20'000);
  return retailer;
}

// As many that the processor does not learn them by heart.
constexpr uint64_t kDifferent = 256;

std::vector<Entity> Entities(EntityType type) {
  std::vector<Entity> entities;
  for (uint64_t i = 0; i < kDifferent; ++i) {
    const Retailer& retailer = TheRetailer();
    entities.push_back(type == EntityType::kOrder            ? retailer.Order(i)
                       : type == EntityType::kProduct        ? retailer.Product(i, 3)
                       : type == EntityType::kInventoryLevel ? retailer.Level(i, 3)
                                                             : retailer.Price(i, 399));
  }
  return entities;
}

std::vector<Change> Changes(EntityType type) {
  std::vector<Change> changes;
  for (Entity& entity : Entities(type)) {
    changes.push_back(Say("shop", changes.size(), IdOrder::kRandom, std::move(entity)));
  }
  return changes;
}

std::vector<std::string> Serialised(EntityType type) {
  std::vector<std::string> texts;
  for (const Entity& entity : Entities(type)) texts.push_back(entity.SerializeAsString());
  return texts;
}

// Goes through `things` round and round.
template <typename Thing, typename Body>
void Each(benchmark::State& state, const std::vector<Thing>& things, Body body) {
  size_t i = 0;
  for (auto _ : state) {
    static_cast<void>(_);
    body(things[i]);
    i = (i + 1) % things.size();
  }
}

template <EntityType type>
void ValidateOne(benchmark::State& state) {
  Each(state, Changes(type),
       [](const Change& change) { benchmark::DoNotOptimize(ValidateChange(change)); });
}

template <EntityType type>
void DigestOfContent(benchmark::State& state) {
  Each(state, Changes(type),
       [](const Change& change) { benchmark::DoNotOptimize(ContentDigest(change)); });
}

template <EntityType type>
void DigestOfEntity(benchmark::State& state) {
  Each(state, Entities(type),
       [](const Entity& entity) { benchmark::DoNotOptimize(CanonicalDigest(entity)); });
}

template <EntityType type>
void CanonicalBytes(benchmark::State& state) {
  const model_internal::Shape& shape = model_internal::ShapeOf(Entity::descriptor());
  std::string bytes;
  Each(state, Entities(type), [&](const Entity& entity) {
    bytes.clear();
    model_internal::CanonicalEncoder(&bytes).Message(entity, shape);
    benchmark::DoNotOptimize(bytes.data());
  });
}

void Sha256(benchmark::State& state) {
  Each(state, Serialised(EntityType::kOrder),
       [](const std::string& bytes) { benchmark::DoNotOptimize(DigestOf(bytes)); });
}

void Serialise(benchmark::State& state) {
  std::string bytes;
  Each(state, Entities(EntityType::kOrder), [&](const Entity& entity) {
    bytes.clear();
    entity.AppendToString(&bytes);
    benchmark::DoNotOptimize(bytes.data());
  });
}

void Parse(benchmark::State& state) {
  Each(state, Serialised(EntityType::kOrder), [](const std::string& bytes) {
    Entity entity;
    benchmark::DoNotOptimize(entity.ParseFromString(bytes));
  });
}

void ParseOnArena(benchmark::State& state) {
  google::protobuf::Arena arena;
  uint64_t used = 0;
  Each(state, Serialised(EntityType::kOrder), [&](const std::string& bytes) {
    auto* entity = google::protobuf::Arena::CreateMessage<Entity>(&arena);
    benchmark::DoNotOptimize(entity->ParseFromString(bytes));
    if (++used % kDifferent == 0) arena.Reset();
  });
}

void Copy(benchmark::State& state) {
  Each(state, Entities(EntityType::kOrder), [](const Entity& entity) {
    Entity copy = entity;
    benchmark::DoNotOptimize(copy);
  });
}

void CopyOnArena(benchmark::State& state) {
  google::protobuf::Arena arena;
  uint64_t used = 0;
  Each(state, Entities(EntityType::kOrder), [&](const Entity& entity) {
    auto* copy = google::protobuf::Arena::CreateMessage<Entity>(&arena);
    copy->CopyFrom(entity);
    benchmark::DoNotOptimize(copy);
    if (++used % kDifferent == 0) arena.Reset();
  });
}

void Key(benchmark::State& state) {
  Each(state, Entities(EntityType::kOrder),
       [](const Entity& entity) { benchmark::DoNotOptimize(BusinessKey(entity)); });
}

void References(benchmark::State& state) {
  Each(state, Entities(EntityType::kOrder),
       [](const Entity& entity) { benchmark::DoNotOptimize(ReferencesOf(entity)); });
}

// The key of a delivery is made of the version that is delivered.
void IdempotencyKeys(benchmark::State& state) {
  engine::Version version;
  version.type = EntityType::kOrder;
  version.external_id = "5500000000042";
  version.version = 3;
  Each(state, Entities(EntityType::kOrder), [&](const Entity& entity) {
    benchmark::DoNotOptimize(
        engine::IdempotencyKey("shop order to erp", "erp", BusinessKey(entity), version, 0));
  });
}

// -- Merge. Each record with its provenance, as a first statement of the shop left it.

struct Merged {
  Entity body;
  model::v1::Provenance provenance;
};

MergeInput Statement(const Entity& incoming, const Merged* record) {
  MergeInput input;
  input.current = record == nullptr ? nullptr : &record->body;
  input.provenance = record == nullptr ? nullptr : &record->provenance;
  input.incoming = &incoming;
  input.system = "shop";
  input.source_version = 2;
  input.seq = 7;
  return input;
}

std::vector<Merged> Records(EntityType type) {
  std::vector<Merged> records;
  for (const Entity& entity : Entities(type)) {
    MergeResult result = Merge(Statement(entity, nullptr));
    records.push_back({std::move(result.merged), std::move(result.provenance)});
  }
  return records;
}

void MergeFirst(benchmark::State& state) {
  Each(state, Entities(EntityType::kOrder),
       [](const Entity& entity) { benchmark::DoNotOptimize(Merge(Statement(entity, nullptr))); });
}

void MergeNothingNew(benchmark::State& state) {
  Each(state, Records(EntityType::kOrder), [](const Merged& record) {
    benchmark::DoNotOptimize(Merge(Statement(record.body, &record)));
  });
}

// `edit` makes of a record's body what is said now.
template <typename Edit>
void MergeEdited(benchmark::State& state, EntityType type, Edit edit, bool with_base) {
  struct Case {
    Merged record;
    Entity incoming;
  };
  std::vector<Case> cases;
  for (Merged& record : Records(type)) {
    Entity incoming = record.body;
    edit(incoming);
    cases.push_back({std::move(record), std::move(incoming)});
  }
  Each(state, cases, [&](const Case& one) {
    MergeInput input = Statement(one.incoming, &one.record);
    if (with_base) input.base = &one.record.body;
    benchmark::DoNotOptimize(Merge(input));
  });
}

void MergeOneField(benchmark::State& state) {
  MergeEdited(
      state, EntityType::kOrder, [](Entity& e) { e.mutable_order()->set_note("ring twice"); },
      false);
}
void MergeThreeWay(benchmark::State& state) {
  MergeEdited(
      state, EntityType::kOrder, [](Entity& e) { e.mutable_order()->set_note("ring twice"); },
      true);
}
void MergeLevel(benchmark::State& state) {
  MergeEdited(
      state, EntityType::kInventoryLevel,
      [](Entity& e) {
        e.mutable_inventory_level()->mutable_on_hand()->mutable_value()->set_units(4);
      },
      false);
}

struct Micro {
  const char* name;
  void (*run)(benchmark::State&);
};

constexpr Micro kMicros[] = {
    {"validate, order", ValidateOne<EntityType::kOrder>},
    {"validate, product", ValidateOne<EntityType::kProduct>},
    {"validate, stock level", ValidateOne<EntityType::kInventoryLevel>},
    {"content digest, order", DigestOfContent<EntityType::kOrder>},
    {"content digest, stock level", DigestOfContent<EntityType::kInventoryLevel>},
    {"canonical digest, order", DigestOfEntity<EntityType::kOrder>},
    {"canonical digest, stock level", DigestOfEntity<EntityType::kInventoryLevel>},
    {"canonical encoding, order", CanonicalBytes<EntityType::kOrder>},
    {"SHA-256 of a serialised order", Sha256},
    {"merge, order, first", MergeFirst},
    {"merge, order, nothing new", MergeNothingNew},
    {"merge, order, one field", MergeOneField},
    {"merge, order, one field, three-way", MergeThreeWay},
    {"merge, stock level", MergeLevel},
    {"idempotency key, order", IdempotencyKeys},
    {"business key, order", Key},
    {"references, order", References},
    {"serialise, order", Serialise},
    {"parse, order", Parse},
    {"parse, order, on an arena", ParseOnArena},
    {"copy, order", Copy},
    {"copy, order, on an arena", CopyOnArena},
};

// Hands what Google Benchmark measured to a report.
class Reporter final : public benchmark::BenchmarkReporter {
 public:
  explicit Reporter(Report* report) : report_(*report) {}

  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<double> cpu;
    for (const Run& run : runs) {
      if (run.run_type == Run::RT_Iteration) cpu.push_back(run.GetAdjustedCPUTime());
    }
    if (!cpu.empty()) {
      report_.Add("cpu", Unit::kNanoseconds, std::move(cpu), runs.front().run_name.function_name);
    }
  }

 private:
  Report& report_;
};

absl::Status RunMicros(const Settings& settings, Report& report) {
  for (const Micro& micro : kMicros) {
    benchmark::RegisterBenchmark(micro.name, micro.run)
        ->Repetitions(settings.Rounds(5))
        ->MinTime(settings.quick ? 0.01 : 0.2);
  }
  Reporter reporter(&report);
  benchmark::RunSpecifiedBenchmarks(&reporter);
  const std::string bytes = TheRetailer().Order(0).SerializeAsString();
  report.Add("size", Unit::kBytes, {static_cast<double>(bytes.size())}, "serialise, order");
  return absl::OkStatus();
}

}  // namespace

std::vector<Experiment> MicroExperiments() {
  return {{.group = "pieces", .row = "each alone", .run = RunMicros}};
}

}  // namespace retailsync::bench
