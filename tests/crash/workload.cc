#include "crash/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "crash/chance.h"

namespace retailsync::crash {
namespace {

using testing::Delete;
using testing::Entity;
using testing::MakeAdjustment;
using testing::MakeCustomer;
using testing::MakeLevel;
using testing::MakeOrder;
using testing::MakePosting;
using testing::MakePrice;
using testing::MakeProduct;
using testing::NameOf;
using testing::TextOf;
using testing::Upsert;

constexpr char kNoCurrency[] = "pounds";
// In the texts of postings: the ERP never takes them, or not the first time.
constexpr char kRefused[] = "refused";
constexpr char kLate[] = "late";

// Entities and how they change; every stream is one entity's changes in order.
class Script {
 public:
  Script(uint64_t seed, Workload* workload) : chance_({seed, 1}), workload_(workload) {}

  void Write(int size) {
    const int articles = std::max(2, size / 8);
    const int customers = std::max(1, size / 12);
    const int orders = std::max(2, size / 6);
    for (int i = 0; i < articles; ++i) {
      const std::string sku = fmt::format("P{}", i);
      Tell(kShop, Versions(2), [&](int version) { return MakeProduct(sku, Text(version)); });
      Tell(
          kShop, Versions(4),
          [&](int version) { return MakeLevel(sku, 100 * i + 10 * version + 1); },
          // What a person has to look into may be deleted meanwhile, which is another story.
          workload_->memory != Memory::kNeither && chance_.OneIn(3));
      if (chance_.OneIn(2)) {
        Tell(kTill, Versions(2),
             [&](int version) { return MakePrice(sku, 1'000'000 * (version + 1) + i); });
      }
    }
    for (int i = 0; i < customers; ++i) {
      const std::string number = fmt::format("C{}", i);
      Tell(kShop, Versions(2), [&](int version) { return MakeCustomer(number, Text(version)); });
    }
    const auto some_skus = [&] {
      std::vector<std::string> skus = {fmt::format("P{}", chance_.Below(articles))};
      if (chance_.OneIn(2)) skus.push_back(fmt::format("P{}", chance_.Below(articles)));
      return skus;
    };
    for (int i = 0; i < orders; ++i) {
      const std::string number = fmt::format("{}", 1000 + i);
      const std::string customer = fmt::format("C{}", chance_.Below(customers));
      const std::vector<std::string> skus = some_skus();
      Tell(chance_.OneIn(3) ? kTill : kShop, Versions(3),
           [&](int version) { return MakeOrder(number, Text(version), customer, skus); });
    }
    for (int i = 0; i < std::max(2, size / 8); ++i) {
      Tell(kTill, 1, [&](int version) {
        return MakeAdjustment(fmt::format("A{}", i), some_skus().front(), -1, Text(version));
      });
      Tell(kTill, 1, [&](int version) {
        const char* kind = i % 3 == 0 ? kRefused : i % 3 == 1 ? kLate : "posting";
        return MakePosting(fmt::format("J{}", i), i + 1, fmt::format("{}-{}", kind, Text(version)));
      });
      workload_->expected[fmt::format("ledger_posting:J{}", i)].refused = i % 3 == 0;
    }
    TellTrouble();
    Merge();
  }

 private:
  int Versions(int most) { return chance_.Between(1, most); }

  // Now and then long enough to need more than one page.
  std::string Text(int version) {
    std::string text = fmt::format("v{}", version + 1);
    if (chance_.OneIn(3)) text.append(static_cast<size_t>(chance_.Between(50, 400)), 'x');
    if (chance_.OneIn(12)) text.append(static_cast<size_t>(chance_.Between(3000, 9000)), 'y');
    return text;
  }

  std::string NextId() { return fmt::format("c{}", ++ids_); }

  template <typename Make>
  void Tell(const char* system, int versions, Make make, bool deletes = false) {
    std::vector<FeedEntry> stream;
    std::string name;
    for (int version = 0; version < versions; ++version) {
      const Entity entity = make(version);
      name = NameOf(entity);
      Expected& expected = workload_->expected[name];
      expected.texts.push_back(TextOf(entity));
      expected.is_state = NatureOf(TypeOf(entity)) == Nature::kState;
      stream.push_back({Upsert(system, NextId(), entity), std::nullopt});
      if (chance_.OneIn(6) && !workload_->expires) stream.push_back(stream.back());  // told again
      if (version + 1 == versions && deletes) {
        expected.deleted = true;
        stream.push_back({Delete(system, NextId(), entity), std::nullopt});
      }
    }
    streams_[system].push_back(std::move(stream));
  }

  // What is set aside as it comes in.
  void TellTrouble() {
    auto& shop = streams_[kShop];
    workload_->set_aside = 3;
    // The same id again with other content.
    if (!workload_->expires) {
      FeedEntry contradiction = shop.front().front();
      contradiction.change->mutable_entity()->mutable_product()->set_base_unit("PCE");
      shop.front().push_back(std::move(contradiction));
      ++workload_->set_aside;
    }
    shop.push_back({{std::nullopt, RejectedInput{.id = "unreadable",
                                                 .subject = "shop/order:77",
                                                 .type = EntityType::kOrder,
                                                 .reason = "no date",
                                                 .raw = std::string(200, '%')}}});
    for (const char* number : {"repaired", "broken"}) {
      Entity entity = MakeOrder(number, "v1");
      entity.mutable_order()->set_currency(kNoCurrency);
      const char* system = chance_.OneIn(2) ? kShop : kTill;
      streams_[system].push_back({{Upsert(system, NextId(), entity), std::nullopt}});
    }
    workload_->expected["order:repaired"].texts = {"v1"};
  }

  // All streams of one system into one, each in its own order.
  std::vector<FeedEntry> Shuffled(std::vector<std::vector<FeedEntry>> streams) {
    std::vector<FeedEntry> entries;
    std::vector<size_t> next(streams.size());
    std::vector<size_t> left;
    for (size_t i = 0; i < streams.size(); ++i) left.push_back(i);
    while (!left.empty()) {
      const size_t pick = chance_.Below(left.size());
      const size_t stream = left[pick];
      entries.push_back(std::move(streams[stream][next[stream]++]));
      if (next[stream] == streams[stream].size()) {
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(pick));
      }
    }
    return entries;
  }

  void Merge() {
    workload_->feed = Shuffled(std::move(streams_[kShop]));
    std::vector<Change> batch;
    for (FeedEntry& entry : Shuffled(std::move(streams_[kTill]))) {
      batch.push_back(*std::move(entry.change));
      if (batch.size() < 5 && !chance_.OneIn(3)) continue;
      workload_->batches.push_back(std::move(batch));
      batch.clear();
    }
    if (!batch.empty()) workload_->batches.push_back(std::move(batch));
  }

  Chance chance_;
  Workload* workload_;
  int ids_ = 0;
  std::map<std::string, std::vector<std::vector<FeedEntry>>> streams_;
};

}  // namespace

Workload MakeWorkload(uint64_t seed, int size) {
  Workload workload;
  Chance chance({seed, 0});
  workload.seed = seed;
  workload.memory = static_cast<Memory>(chance.Below(3));
  // The smallest log makes for the most checkpoints, the smallest cache for spills.
  workload.store.checkpoint_bytes = uint64_t{64 << 10} << chance.Below(4);
  workload.store.cache_bytes = chance.OneIn(2) ? 64u << 10 : 2u << 20;
  workload.engine.cache_bytes_max = chance.OneIn(2) ? 1u << 20 : 16u << 20;
  workload.engine.step_calls_max = chance.Between(1, 6);
  workload.engine.seed = seed;
  workload.batch_items_max = chance.Between(1, 6);
  workload.page_changes_max = chance.Between(2, 12);
  workload.expires = chance.OneIn(3);
  // Whoever forgets must not be told again what is forgotten, which would be news: see Script too.
  workload.overlap = workload.expires ? 0 : chance.Between(0, 2);
  // Few, so that what is sorted in, deleted and begun anew meets every kind of cut.
  workload.store.recent_rows = static_cast<uint64_t>(chance.Between(1, 40));
  workload.works_beside = chance.OneIn(2);
  Script(seed, &workload).Write(size);
  return workload;
}

fakes::Behaviour BehaviourOf(const Workload& workload, const ApplyItem& item, int seen) {
  using fakes::Act;
  const std::string text = TextOf(item.entity);
  if (text.starts_with(kRefused)) return {Act::kPermanent};
  if (seen > 1) return {Act::kApply};
  if (text.starts_with(kLate)) return {seen == 0 ? Act::kPermanent : Act::kApply};
  uint64_t name = 0;
  for (const char c : NameOf(item.entity)) name = name * 131 + static_cast<unsigned char>(c);
  Chance chance(
      {workload.seed, name, static_cast<uint64_t>(item.version), static_cast<uint64_t>(seen)});
  switch (chance.Below(16)) {
    case 0:
      return {Act::kTransient};
    case 1:
      return {Act::kUnknownWithEffect};
    case 2:
      return {Act::kUnknownWithoutEffect};
    case 3:
      return {Act::kOmitWithEffect};
    case 4:
      return {Act::kOmitWithoutEffect};
    case 5:
      return {Act::kContradictWithEffect};
    case 6:
      return {Act::kThrottled, absl::Seconds(3)};
    default:
      return {Act::kApply};
  }
}

Decision DecideOn(const Workload& workload, const DeadLetter& letter, const fakes::FakeErp& erp) {
  if (letter.row.kind == DeadLetterKind::kDelivery) {
    // Whoever is not shown what it is about decides nothing.
    if (TypeOf(letter.entity) == EntityType::kUnspecified) return Decision::kLeave;
    const std::string text = TextOf(letter.entity);
    if (letter.row.reason == dead_letter_reason::kPermanent) {
      return text.starts_with(kLate) ? Decision::kRequeue : Decision::kDiscard;
    }
    if (letter.row.reason == dead_letter_reason::kUndetermined) {
      // Looks into the ERP, and does not go back behind a later version.
      const std::string name = NameOf(letter.entity);
      const bool is_overtaken = std::any_of(
          erp.attempts().begin(), erp.attempts().end(), [&](const fakes::Attempt& attempt) {
            return attempt.name == name && attempt.version > letter.row.version;
          });
      const auto texts = erp.TextsOf(name);
      const bool there = std::find(texts.begin(), texts.end(), text) != texts.end();
      return there || is_overtaken ? Decision::kDiscard : Decision::kRequeue;
    }
    return Decision::kLeave;
  }
  if (letter.row.reason == dead_letter_reason::kInvalid &&
      letter.change.entity().order().number() == "repaired") {
    return Decision::kRepair;
  }
  // The same answer whenever asked.
  return Chance({workload.seed, letter.row.change_id.size()}).OneIn(2) ? Decision::kDiscard
                                                                       : Decision::kLeave;
}

Change Repaired(const Change& change) {
  Change repaired = change;
  repaired.mutable_entity()->mutable_order()->set_currency("GBP");
  return repaired;
}

}  // namespace retailsync::crash
