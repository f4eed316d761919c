#include "crash/flips.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "crash/installation.h"

namespace retailsync::crash {
namespace {

using testing::NameOf;
using testing::TextOf;

FlipVerdict Wrong(std::string what) {
  return {FlipEnd::kWrong, std::move(what)};
}

// The worst so far.
void Add(FlipVerdict* sum, FlipVerdict verdict) {
  if (verdict.end > sum->end) *sum = std::move(verdict);
}

bool TellsOfDamage(const absl::Status& status) {
  return status.code() == absl::StatusCode::kDataLoss;
}

class Examination {
 public:
  Examination(const Recording& recording, Installation* installation)
      : recording_(recording), installation_(*installation) {}

  FlipVerdict Run() {
    ReadRecords();
    TellAgain();
    ReadLetters();
    GoOn();
    return verdict_;
  }

 private:
  // True when the call was answered.
  bool Check(const absl::Status& status, const std::string& call) {
    if (status.ok()) return true;
    Add(&verdict_, TellsOfDamage(status)
                       ? FlipVerdict{FlipEnd::kDetected, call + ": " + status.ToString()}
                       : Wrong(call + ": " + status.ToString()));
    return false;
  }

  void TellAgain() {
    for (const Acknowledged& told : recording_.acknowledged) TellOne(*told.change, &told.receipt);
    for (const FeedEntry& entry : recording_.workload.feed) {
      if (entry.change) TellOne(*entry.change, nullptr);
    }
  }

  void TellOne(const Change& change, const Receipt* before) {
    const AcceptResponse response = installation_.engine().Accept({&change, 1});
    const std::string call = fmt::format("change {} again", change.id());
    if (!Check(response.status, call)) return;
    const Receipt& receipt = response.receipts.front();
    if (!receipt.duplicate) {
      // Set aside, because what is needed to take it in cannot be read.
      Add(&verdict_, receipt.disposition == Disposition::kSetAside &&
                             receipt.message.find("amaged") != std::string::npos
                         ? FlipVerdict{FlipEnd::kDetected, call + ": " + receipt.message}
                         : Wrong(call + " was accepted as a new one"));
    } else if (before != nullptr &&
               (receipt.seq != before->seq || receipt.disposition != before->disposition ||
                receipt.version != before->version)) {
      Add(&verdict_, Wrong(call + " has another receipt"));
    }
  }

  void ReadRecords() {
    for (const auto& [name, expected] : recording_.workload.expected) {
      const size_t colon = name.find(':');
      EntityType type = EntityType::kUnspecified;
      for (int i = 1; i < kEntityTypeCount; ++i) {
        const auto one = static_cast<EntityType>(i);
        if (retailsync::Name(one) == name.substr(0, colon)) type = one;
      }
      auto view = installation_.engine().FindRecord(type, name.substr(colon + 1));
      if (!Check(view.status(), "record " + name)) continue;
      if (!view->has_value()) {
        Add(&verdict_, Wrong("record " + name + " is gone"));
      } else if ((*view)->row.deleted != expected.deleted) {
        Add(&verdict_, Wrong("record " + name + " is deleted, or not any more"));
      } else if (!expected.deleted && TextOf((*view)->entity) != expected.texts.back()) {
        Add(&verdict_, Wrong("record " + name + " says something else"));
      } else if ((*view)->row.version < static_cast<int64_t>(expected.texts.size())) {
        Add(&verdict_, Wrong("record " + name + " has another version"));
      }
    }
  }

  void ReadLetters() {
    absl::Status status;
    const auto letters = installation_.Letters(std::nullopt, &status);
    if (!Check(status, "dead letters")) return;
    std::set<std::string> changes;
    for (const DeadLetter& letter : letters) {
      if (letter.row.kind == DeadLetterKind::kChange && letter.row.reason != "damaged") {
        changes.insert(letter.row.reason + letter.row.change_id);
      }
    }
    if (static_cast<int>(changes.size()) != recording_.workload.set_aside) {
      Add(&verdict_, Wrong(fmt::format("{} changes are set aside, {} were", changes.size(),
                                       recording_.workload.set_aside)));
    }
  }

  void GoOn() {
    Check(installation_.RunUntilIdle(), "going on");
    const fakes::FakeErp& erp = installation_.erp();
    if (const std::string wrongs = erp.DoubleEffects(); !wrongs.empty()) {
      Add(&verdict_, Wrong(wrongs));
    }
    const size_t effects = recording_.moments.back().erp->effects().size();
    if (erp.effects().size() > effects) {
      Add(&verdict_, Wrong(erp.effects().back().name + " took effect once more"));
    }
  }

  const Recording& recording_;
  Installation& installation_;
  FlipVerdict verdict_;
};

}  // namespace

std::string_view Name(FlipEnd end) {
  static constexpr std::string_view kNames[kFlipEndCount] = {"harmless", "refused", "detected",
                                                             "wrong"};
  return kNames[static_cast<size_t>(end)];
}

FlipJudge::FlipJudge(const Stage& stage, const Recording* recording, Image image)
    : stage_(stage), recording_(*recording), image_(std::move(image)) {}

FlipVerdict FlipJudge::Try(const Flip& flip) {
  Image flipped = image_;
  char& byte = flipped.at(flip.file).at(flip.offset);
  byte = static_cast<char>(byte ^ flip.mask);
  stage_.disk->Load(flipped);
  stage_.vfs->Mount(stage_.disk, recording_.workload.seed);
  const Moment& end = recording_.moments.back();
  Installation installation(&recording_.workload, stage_.clock, stage_.path);
  installation.Restore(*end.erp, end.now);
  if (const absl::Status status = installation.Open(); !status.ok()) {
    const bool says_so = TellsOfDamage(status) ||
                         status.code() == absl::StatusCode::kInvalidArgument ||
                         status.code() == absl::StatusCode::kFailedPrecondition;
    return {says_so ? FlipEnd::kRefused : FlipEnd::kWrong, "open: " + status.ToString()};
  }
  return Examination(recording_, &installation).Run();
}

}  // namespace retailsync::crash
