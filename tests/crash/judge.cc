#include "crash/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace retailsync::crash {
namespace {

using testing::NameOf;

// Of what must be there, in one look: the newest, which a cut takes first, and some from anywhere.
constexpr size_t kNewest = 6;
constexpr size_t kAnywhere = 4;

Verdict Lost(std::string what) {
  return {Finding::kLost, std::move(what)};
}
Verdict Corrupt(std::string what) {
  return {Finding::kCorrupt, std::move(what)};
}
Verdict Wrong(std::string what) {
  return {Finding::kWrong, std::move(what)};
}

// Some of the numbers from `first` up to and without `end`.
std::set<size_t> Pick(size_t first, size_t end, Chance& chance) {
  std::set<size_t> picked;
  for (size_t i = 0; i < kNewest && first + i < end; ++i) picked.insert(end - 1 - i);
  for (size_t i = 0; i < kAnywhere && first < end; ++i) {
    picked.insert(first + chance.Below(end - first));
  }
  return picked;
}

bool IsSubsequence(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  auto at = whole.begin();
  for (const std::string& one : part) {
    at = std::find(at, whole.end(), one);
    if (at == whole.end()) return false;
    ++at;
  }
  return true;
}

std::string Joined(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += text.substr(0, 12) + " ";
  return joined;
}

std::string Describe(const Receipt& receipt) {
  return fmt::format("journal row {}, disposition {}, record {} version {}", receipt.seq,
                     static_cast<int>(receipt.disposition), receipt.record, receipt.version);
}

}  // namespace

std::string_view Name(Finding finding) {
  static constexpr std::string_view kNames[kFindingCount] = {"good", "lost", "corrupt", "wrong"};
  return kNames[static_cast<size_t>(finding)];
}

Judge::Judge(const Stage& stage, const Recording* recording)
    : stage_(stage),
      recording_(*recording),
      installation_(std::make_unique<Installation>(&recording->workload, stage.clock, stage.path)) {
}

Verdict Judge::Try(const Moment& moment, const Look& look, Chance chance) {
  stage_.clock->Set(moment.now);
  if (look.to_the_end) installation_->Restore(*moment.erp, moment.now);
  const absl::Status opened = installation_->Open();
  stage_.disk->Record(nullptr);
  Verdict verdict;
  if (!opened.ok()) verdict = Corrupt("it cannot be opened: " + opened.ToString());
  if (verdict.good() && look.integrity) verdict = CheckIntegrity();
  if (verdict.good()) verdict = FirstLook(moment, chance);
  if (verdict.good() && look.to_the_end) verdict = RunToTheEnd(moment);
  installation_->Close();
  return verdict;
}

Verdict Judge::TryUncut() {
  const Moment& end = recording_.moments.back();
  return Try(end, {.integrity = true, .to_the_end = true}, Chance(recording_.workload.seed));
}

Verdict Judge::CheckIntegrity() {
  std::string answer;
  const auto remember = [](void* text, int, char** columns, char**) {
    static_cast<std::string*>(text)->append(columns[0]).append("\n");
    return 0;
  };
  for (const char* sql : {"PRAGMA integrity_check", "PRAGMA foreign_key_check"}) {
    if (sqlite3_exec(stage_.tap->last(), sql, remember, &answer, nullptr) != SQLITE_OK) {
      return Corrupt(fmt::format("{}: {}", sql, sqlite3_errmsg(stage_.tap->last())));
    }
  }
  return answer == "ok\n" ? Verdict() : Corrupt("PRAGMA integrity_check: " + answer);
}

// Everything that was acknowledged is told again, and must be known, with the receipt it had.
Verdict Judge::FirstLook(const Moment& moment, Chance& chance) {
  Engine& engine = installation_->engine();
  const EngineStatus status = engine.Status();
  size_t cursor = 0;
  for (const SystemStatus& system : status.systems) {
    if (system.system == kShop && !system.cursor.empty()) cursor = std::stoul(system.cursor);
  }
  if (cursor < moment.cursor) {
    return Lost(
        fmt::format("the shop's cursor was durable at {} and is at {}", moment.cursor, cursor));
  }
  if (cursor > recording_.workload.feed.size()) {
    return Corrupt(fmt::format("the shop's cursor is at {}", cursor));
  }
  std::vector<Change> again;
  std::vector<const Receipt*> receipts;
  for (const size_t i : Pick(moment.forgotten, moment.acknowledged, chance)) {
    again.push_back(*recording_.acknowledged[i].change);
    receipts.push_back(&recording_.acknowledged[i].receipt);
    if (status.last_seq < receipts.back()->seq) {
      return Lost(fmt::format("journal row {} was acknowledged and the last one is {}",
                              receipts.back()->seq, status.last_seq));
    }
  }
  for (const size_t i : Pick(moment.feed_forgotten, cursor, chance)) {
    if (!recording_.workload.feed[i].change) continue;
    again.push_back(*recording_.workload.feed[i].change);
    receipts.push_back(nullptr);
  }
  const AcceptResponse response = engine.Accept(again);
  if (!response.status.ok()) return Corrupt("told again: " + response.status.ToString());
  for (size_t i = 0; i < again.size(); ++i) {
    const Receipt& receipt = response.receipts[i];
    const std::string name =
        fmt::format("change {} of {} ({})", again[i].id(), again[i].source(),
                    receipts[i] == nullptr ? "which the cursor has passed" : "acknowledged");
    if (!receipt.duplicate) {
      return Lost(fmt::format("{} is not known any more: {}", name, Describe(receipt)));
    }
    if (receipts[i] != nullptr && Describe(receipt) != Describe(*receipts[i])) {
      return Wrong(fmt::format("{} had the receipt {}, now it is {}", name, Describe(*receipts[i]),
                               Describe(receipt)));
    }
  }
  for (const size_t i : Pick(0, moment.closings_forgotten ? 0 : moment.closings, chance)) {
    const Closing& closing = recording_.closings[i];
    const auto letter = engine.dead_letters().Show(closing.letter, Anna());
    if (!letter.ok()) {
      return Lost(fmt::format("dead letter {}, which was closed: {}", closing.letter,
                              letter.status().ToString()));
    }
    if (letter->row.state != closing.state) {
      return Lost(fmt::format("dead letter {} was closed and is in state {}", closing.letter,
                              static_cast<int>(letter->row.state)));
    }
  }
  return {};
}

Verdict Judge::RunToTheEnd(const Moment& moment) {
  if (absl::Status status = installation_->Finish(moment.batches); !status.ok()) {
    return status.code() == absl::StatusCode::kDataLoss
               ? Corrupt("run to its end: " + status.ToString())
               : Wrong("run to its end: " + status.ToString());
  }
  if (Verdict verdict = CheckEnd(moment); !verdict.good()) return verdict;
  if (Verdict verdict = CheckLetters(moment); !verdict.good()) return verdict;
  // Nothing of it is done again.
  const size_t attempts = installation_->erp().attempts().size();
  installation_->Close();
  if (absl::Status status = installation_->Open(); !status.ok()) {
    return Corrupt("opened again: " + status.ToString());
  }
  if (absl::Status status = installation_->RunUntilIdle(); !status.ok()) {
    return Wrong("run once more: " + status.ToString());
  }
  if (installation_->erp().attempts().size() != attempts) {
    const std::string name = installation_->erp().attempts().back().name;
    return Wrong(name + " is sent again after the end" + installation_->erp().StoryOf(name));
  }
  return {};
}

// The ledger of the ERP, which nobody but the ERP wrote.
Verdict Judge::CheckEnd(const Moment& moment) {
  const fakes::FakeErp& erp = installation_->erp();
  const Workload& workload = recording_.workload;
  for (const std::string& wrongs : {erp.DoubleEffects(), erp.OrderBreaks()}) {
    if (!wrongs.empty()) return Wrong(wrongs);
  }
  std::map<std::string, std::vector<std::string>> texts;
  for (const fakes::Effect& effect : erp.effects()) {
    const bool deletes = effect.operation == model::v1::OPERATION_DELETE;
    auto& of_entity = texts[effect.name];
    if (!deletes) of_entity.push_back(effect.text);
    if (!workload.expected.contains(effect.name)) {
      return Wrong("nobody asked for " + effect.name + erp.StoryOf(effect.name));
    }
  }
  for (const auto& [name, expected] : workload.expected) {
    const std::vector<std::string>& done = texts[name];
    const std::vector<std::string> wanted =
        expected.refused ? std::vector<std::string>() : expected.texts;
    // Who cannot tell whether a version arrived may have the next one take its place.
    const bool exactly = !expected.is_state && (workload.memory != Memory::kNeither ||
                                                wanted.size() == 1 || expected.refused);
    const bool right =
        exactly ? done == wanted
                : IsSubsequence(done, wanted) &&
                      (expected.deleted || (!done.empty() && done.back() == wanted.back()));
    if (!right) {
      return Wrong(fmt::format("{}: the ledger has [{}], wanted is [{}]{}", name, Joined(done),
                               Joined(wanted), erp.StoryOf(name)));
    }
    const std::string held = expected.deleted || wanted.empty() ? "" : wanted.back();
    if (erp.HeldText(name) != held) {
      return Wrong(fmt::format("{}: the ERP holds '{}', wanted is '{}'{}", name,
                               erp.HeldText(name).substr(0, 12), held.substr(0, 12),
                               erp.StoryOf(name)));
    }
  }
  // What the engine had learned for good is not asked for again.
  std::set<std::string> learned;
  for (size_t i = 0; i < erp.attempts().size(); ++i) {
    const fakes::Attempt& attempt = erp.attempts()[i];
    if (i < moment.attempts && attempt.act == fakes::Act::kApply) {
      learned.insert(attempt.key);
    } else if (i >= moment.erp->attempts().size() && learned.contains(attempt.key)) {
      return Lost(attempt.name + " was known to be applied and is sent again" +
                  erp.StoryOf(attempt.name));
    }
  }
  if (const uint64_t owed = installation_->engine().Status().owed; owed != 0) {
    return Wrong(fmt::format("{} deliveries are still owed", owed));
  }
  return {};
}

// Each thing that was set aside is there once, and what a person had to settle is settled.
Verdict Judge::CheckLetters(const Moment& moment) {
  absl::Status status;
  const auto letters = installation_->Letters(std::nullopt, &status);
  if (!status.ok()) return Corrupt("the dead letters: " + status.ToString());
  uint64_t open = 0;
  int changes = 0;
  std::set<std::string> seen;
  for (const DeadLetter& letter : letters) {
    const bool is_open = letter.row.state == DeadLetterState::kOpen;
    open += is_open ? 1 : 0;
    if (letter.row.kind == DeadLetterKind::kDelivery) {
      if (is_open) {
        return Wrong(fmt::format("a delivery of {} is set aside: {} ({})", NameOf(letter.entity),
                                 letter.row.reason, letter.row.message));
      }
      continue;
    }
    ++changes;
    if (!seen.insert(letter.row.reason + " " + letter.row.change_id).second) {
      return Wrong(fmt::format("change {} is set aside twice", letter.row.change_id));
    }
  }
  if (open != installation_->engine().Status().open_dead_letters) {
    return Wrong(fmt::format("{} dead letters are open, and the engine counts {}", open,
                             installation_->engine().Status().open_dead_letters));
  }
  if (changes > recording_.workload.set_aside ||
      (changes < recording_.workload.set_aside && !moment.closings_forgotten)) {
    return Lost(
        fmt::format("{} changes are set aside, {} were", changes, recording_.workload.set_aside));
  }
  return {};
}

}  // namespace retailsync::crash
