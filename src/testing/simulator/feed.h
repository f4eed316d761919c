// What a simulated system tells of its changes, page by page.
#ifndef RETAILSYNC_SRC_TESTING_SIMULATOR_FEED_H_
#define RETAILSYNC_SRC_TESTING_SIMULATOR_FEED_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "testing/simulator/world.h"

namespace retailsync::testing {

// One statement of a system about one entity.
struct Statement {
  model::v1::Change change;
  EntityNo entity = 0;
  // The revisions of the system's own parts that it tells; none when it tells them wrongly.
  std::vector<RevisionId> revisions;
  // Shown instead of the change: what could not be made one.
  std::optional<RejectedInput> reject;
  // The change as it should have been, when it was told wrongly, and what it would have told.
  std::optional<model::v1::Change> right;
  std::vector<RevisionId> right_revisions;
  // Under these ids people told the engine what was meant.
  std::set<std::string> corrected_as;
  // It was on a page that was read.
  bool was_shown = false;
  Micros shown_at = 0;  // first, there or by a webhook
  // It says something else under an id that was used before.
  bool is_contradiction = false;
  // It shows only from then on.
  Micros visible_at = 0;
  // The engine has it for good, as far as the system can tell: since then, by the engine's time,
  // and under that id, which another statement may have had before.
  bool taken = false;
  Micros taken_at = 0;
  std::string taken_as;
  Micros known_taken_at = 0;  // when the system came to know of it, by true time
  // It was handed to the engine, which did not say no.
  bool may_be_taken = false;
};

// Pages may be asked for again with the same cursor. A cursor that comes back proves that the page
// it came with was taken for good, unless the system is told that in words of its own: that is all
// it ever learns of the engine.
class Feed {
 public:
  // `clock_error`: of the system's own clock.
  Feed(World* world, const SystemTraits* traits, Micros clock_error)
      : world_(*world), traits_(*traits), clock_error_(clock_error) {}

  size_t Add(Statement statement);
  Statement& At(size_t number) { return statements_[number]; }
  const Statement& At(size_t number) const { return statements_[number]; }
  size_t size() const { return statements_.size(); }
  // What a change is called where it is told by a webhook as well.
  static std::string WebhookId(const std::string& change_id);
  // By either of its ids.
  std::optional<size_t> FindById(const std::string& change_id) const;

  PollResponse Page(const PollRequest& request);
  void Acknowledge(const std::string& cursor) { Learn(Parse(cursor).page); }
  // The engine is shown the statement by a webhook; it has taken it for good, at that moment.
  uint64_t ShowByWebhook(size_t number);
  void TakeByWebhook(size_t number, uint64_t moment, const std::string& change_id);
  // Nobody tells it any more, and the engine never took it.
  void Withdraw(size_t number);

  // By true time, so far a row may show after the time that it carries.
  static constexpr Micros kLateMax = 20 * kSecond;

 private:
  // The place of a row among those ordered by time: whole seconds of the system's clock, number.
  using Place = std::pair<int64_t, size_t>;
  struct Cursor {
    Place after{INT64_MIN, 0};  // or, in a log, how many entries were passed
    int64_t pass = 0;           // when this pass over the rows began; 0: the next page begins one
    uint64_t page = 0;
  };
  struct Shown {
    size_t number;
    uint64_t moment;
    Micros at;  // by the engine's time
  };

  static Cursor Parse(const std::string& text);
  static std::string ToText(const Cursor& cursor);
  void Learn(uint64_t page);
  // The engine took, for good, what it was shown then; that was certain from the moment `settled`.
  void Take(const Shown& shown, uint64_t settled, const std::string& change_id);
  void NeverShow(size_t number);
  void NoteShown(Statement& statement) const {
    if (statement.shown_at == 0) statement.shown_at = world_.queue.now();
  }
  // Statements whose time has come take their places.
  void Settle();
  void Put(PollResponse* response, std::vector<Shown>* page, size_t number);
  Cursor ReadLog(Cursor cursor, size_t changes_max, PollResponse* response,
                 std::vector<Shown>* page);
  Cursor ReadRows(Cursor cursor, size_t changes_max, PollResponse* response,
                  std::vector<Shown>* page);

  World& world_;
  const SystemTraits& traits_;
  const Micros clock_error_;
  std::vector<Statement> statements_;
  std::unordered_map<std::string, size_t> by_id_;
  std::unordered_map<std::string, Micros> taken_at_;  // by the id under which it was first taken
  std::set<std::pair<Micros, size_t>> hidden_;        // by when they show
  std::vector<size_t> log_;
  std::set<Place> rows_;
  std::unordered_map<EntityNo, Place> row_of_;
  uint64_t pages_ = 0;
  struct Given {
    uint64_t before = 0;  // the page that its cursor came with
    std::vector<Shown> shown;
  };
  std::map<uint64_t, Given> given_;  // by page, until it is known that it arrived
};

}  // namespace retailsync::testing

#endif  // RETAILSYNC_SRC_TESTING_SIMULATOR_FEED_H_
