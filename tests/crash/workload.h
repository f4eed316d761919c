// A day in the life of an installation, drawn from a seed: what a shop and a till have to say, how
// the ERP behaves, and what must have come of it in the end, whatever happens in between.
//
// What is expected is known from the script alone; nothing here asks the engine.
#ifndef RETAILSYNC_TESTS_CRASH_WORKLOAD_H_
#define RETAILSYNC_TESTS_CRASH_WORKLOAD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "retailsync/engine/dead_letters.h"
#include "retailsync/engine/options.h"
#include "retailsync/store/sqlite_store.h"
#include "retailsync/testing/sample_entities.h"
#include "support/fake_systems.h"

namespace retailsync::crash {

using model::v1::Change;

// What the ERP can tell about an attempt whose answer was lost.
enum class Memory : uint8_t { kIdempotent = 0, kVerifiable = 1, kNeither = 2 };

// The shop is polled; the till's changes are handed in by the host, a batch at a time.
inline constexpr char kShop[] = "shop";
inline constexpr char kTill[] = "till";
inline constexpr char kErp[] = "erp";

struct FeedEntry {
  std::optional<Change> change;
  std::optional<RejectedInput> reject;
};

// What the ERP's ledger must say of one entity.
struct Expected {
  // The texts of its versions, in the order in which they were told. Of a fact each takes effect,
  // once; of a state any of them may, in this order, and the last one stays.
  std::vector<std::string> texts;
  bool is_state = false;
  bool deleted = false;  // the last thing that was said
  bool refused = false;  // the ERP never takes it
};

struct Workload {
  uint64_t seed = 0;
  Memory memory = Memory::kIdempotent;
  store::SqliteOptions store;
  EngineOptions engine;
  int batch_items_max = 1;
  int page_changes_max = 1;
  int overlap = 0;            // of the shop's pages
  bool expires = false;       // old history is forgotten along the way
  bool works_beside = false;  // of the engine: commits; and of commits: bringing the log home
  std::vector<FeedEntry> feed;
  std::vector<std::vector<Change>> batches;
  std::map<std::string, Expected> expected;  // by "order:1001"
  // How many changes are set aside as they come in.
  int set_aside = 0;
};

// `size`: about so many versions of entities; 20 is a small workload.
Workload MakeWorkload(uint64_t seed, int size);

// What the ERP does with an attempt: depends on the workload, the item, and on how often the ERP
// has seen it before.
fakes::Behaviour BehaviourOf(const Workload& workload, const ApplyItem& item, int seen);

// What a person does about something that was set aside.
enum class Decision : uint8_t {
  kLeave = 0,
  kDiscard = 1,
  kRequeue = 2,
  kRepair = 3,  // edit and requeue
};
Decision DecideOn(const Workload& workload, const DeadLetter& letter, const fakes::FakeErp& erp);
// What the sender meant by a change that was refused as invalid.
Change Repaired(const Change& change);

}  // namespace retailsync::crash

#endif  // RETAILSYNC_TESTS_CRASH_WORKLOAD_H_
