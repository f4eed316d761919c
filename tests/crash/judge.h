// Whether an installation that is opened on what a power cut left has kept every promise.
//
// Judged is what anybody could see: what the engine answers when it is told an old change again,
// where it goes on reading, what the dead letters are, and what the ERP's own ledger says once
// everything has come to an end. Nothing is read from the store's files.
#ifndef RETAILSYNC_TESTS_CRASH_JUDGE_H_
#define RETAILSYNC_TESTS_CRASH_JUDGE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "crash/chance.h"
#include "crash/installation.h"
#include "crash/recording.h"

namespace retailsync::crash {

enum class Finding : uint8_t {
  kGood = 0,
  kLost = 1,     // something that was acknowledged is not there
  kCorrupt = 2,  // it cannot be opened or read, or SQLite finds it damaged
  kWrong = 3,    // an effect twice, out of order, missing or never asked for
};
inline constexpr int kFindingCount = 4;

std::string_view Name(Finding finding);

struct Verdict {
  Finding finding = Finding::kGood;
  std::string what;  // for people; empty when it is good

  bool good() const { return finding == Finding::kGood; }
};

// How thoroughly one state is looked at; the first look is always taken.
struct Look {
  bool integrity = false;   // SQLite's own check of the whole file
  bool to_the_end = false;  // everything is run to its end, and the ledger is judged
};

// Judges the states of one recording. Thread safety: none.
class Judge {
 public:
  Judge(const Stage& stage, const Recording* recording);

  // Of what is on the stage's disk; whatever recording is on stays on until the engine is open.
  Verdict Try(const Moment& moment, const Look& look, Chance chance);

  // The recording's own end, without any cut.
  Verdict TryUncut();

 private:
  Verdict FirstLook(const Moment& moment, Chance& chance);
  Verdict CheckIntegrity();
  Verdict RunToTheEnd(const Moment& moment);
  Verdict CheckEnd(const Moment& moment);
  Verdict CheckLetters(const Moment& moment);

  Stage stage_;
  const Recording& recording_;
  std::unique_ptr<Installation> installation_;
};

}  // namespace retailsync::crash

#endif  // RETAILSYNC_TESTS_CRASH_JUDGE_H_
