#include "testing/kit_wrong_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <stdexcept>

namespace retailsync::testing {
namespace {

using model::v1::Change;
using Spoil = std::function<void(SpoiltSource&)>;
using PollResult = absl::StatusOr<PollResponse>;

// Spoils each page after it was read.
Spoil EachPage(std::function<void(SpoiltSource&, const PollRequest&, PollResponse&)> edit) {
  return [edit](SpoiltSource& source) {
    source.poll = [edit](SpoiltSource& self, const PollRequest& request) -> PollResult {
      PollResult page = self.real->Poll(request);
      if (page.ok()) edit(self, request, *page);
      return page;
    };
  };
}

Spoil EachChange(std::function<void(SpoiltSource&, Change&)> edit) {
  return EachPage([edit](SpoiltSource& self, const PollRequest&, PollResponse& page) {
    for (Change& change : page.changes) edit(self, change);
  });
}

// Leaves out changes.
Spoil Without(std::function<bool(const Change&)> is_left_out) {
  return EachPage([is_left_out](SpoiltSource&, const PollRequest&, PollResponse& page) {
    page.changes.erase(std::remove_if(page.changes.begin(), page.changes.end(), is_left_out),
                       page.changes.end());
  });
}

// Spoils a request before it is made.
Spoil EachRequest(std::function<void(SpoiltSource&, PollRequest&)> edit) {
  return [edit](SpoiltSource& source) {
    source.poll = [edit](SpoiltSource& self, PollRequest request) -> PollResult {
      edit(self, request);
      return self.real->Poll(request);
    };
  };
}

// Reads errors as something else.
Spoil EachError(std::function<PollResult(const absl::Status&, const PollRequest&)> read_as) {
  return [read_as](SpoiltSource& source) {
    source.poll = [read_as](SpoiltSource& self, const PollRequest& request) -> PollResult {
      PollResult page = self.real->Poll(request);
      return page.ok() ? page : read_as(page.status(), request);
    };
  };
}

size_t Number(const std::string& cursor) {
  return std::strtoull(cursor.c_str(), nullptr, 10);
}

int64_t TimeOf(const PollResponse& one) {
  return one.changes.empty() ? 0 : one.changes.front().time().seconds();
}

void Append(PollResponse& page, PollResponse&& one) {
  for (Change& change : one.changes) page.changes.push_back(std::move(change));
  for (RejectedInput& reject : one.rejects) page.rejects.push_back(std::move(reject));
}

// A cursor that is a time. `equal` is read again, as it must be; without it what has the same time
// as the last of a page is lost. Pages grow as far as one time reaches.
Spoil ByTime(bool equal) {
  return [equal](SpoiltSource& source) {
    source.poll = [equal](SpoiltSource& self, const PollRequest& request) -> PollResult {
      PollResult probe = self.real->Poll(request);
      if (!probe.ok()) return probe;
      const auto since = static_cast<int64_t>(Number(request.cursor));
      const size_t room = std::min<size_t>(request.changes_max, 100);
      PollResponse page;
      page.next_cursor = request.cursor;
      int64_t last = 0;
      for (PollResponse& one : self.Everything()) {
        const int64_t time = std::max(TimeOf(one), last);
        last = time;
        if (equal ? time < since : time <= since) continue;
        if (page.changes.size() + page.rejects.size() == room) {
          page.more = true;
          break;
        }
        page.next_cursor = fmt::format("{}", time);
        Append(page, std::move(one));
      }
      return page;
    };
  };
}

std::vector<WrongSource> OfPages() {
  return {
      {"skips equal timestamps at the edge of a page",
       {"tells-all-in-any-pages", "tells-everything", "rejects-garbage", "tells-equal-times",
        "tells-what-comes-later"},
       ByTime(false)},
      {"never gets past an edge of equal timestamps",
       {"makes-headway", "rejects-block-nothing", "rejects-garbage"},
       ByTime(true)},
      {"gives empty pages, with a new cursor each time, as if there were more",
       {"makes-headway"},
       [](SpoiltSource& source) {
         source.poll = [](SpoiltSource& self, const PollRequest& request) -> PollResult {
           PollResult page = self.real->Poll(request);
           // It does end, so that whoever waits for that learns of it.
           if (page.ok() && page->changes.empty() && page->rejects.empty() &&
               ++self.memory.count < 200'000) {
             page->next_cursor = fmt::format("{}.{}", Number(request.cursor), self.memory.count);
             page->more = true;
           }
           return page;
         };
       }},
      {"begins anew when there was nothing new",
       {"has-a-cursor"},
       [](SpoiltSource& source) {
         source.poll = [](SpoiltSource& self, const PollRequest& request) -> PollResult {
           PollResult page = self.real->Poll(request);
           if (page.ok() && page->changes.empty() && page->rejects.empty()) {
             page->next_cursor.clear();
           }
           return page;
         };
       }},
      {"takes the time of the poll for its cursor",
       {"tells-equal-times", "acknowledging-loses-nothing", "rejects-block-nothing",
        "tells-what-comes-later"},
       [](SpoiltSource& source) {
         source.poll = [](SpoiltSource& self, const PollRequest& request) -> PollResult {
           // "<number>|<time of the poll>": what is not later than that poll is not told.
           const size_t bar = request.cursor.find('|');
           PollResult page = self.real->Poll({.cursor = request.cursor.substr(0, bar),
                                              .changes_max = request.changes_max,
                                              .deadline = request.deadline});
           if (!page.ok()) return page;
           if (bar != std::string::npos) {
             const int64_t since = std::strtoll(request.cursor.c_str() + bar + 1, nullptr, 10);
             auto& changes = page->changes;
             changes.erase(std::remove_if(changes.begin(), changes.end(),
                                          [&](const Change& change) {
                                            return change.time().seconds() <= since;
                                          }),
                           changes.end());
           }
           if (!page->more) {
             page->next_cursor += fmt::format("|{}", absl::ToUnixSeconds(self.clock.Now()));
           }
           return page;
         };
       }},
      {"sets its cursor behind everything there is",
       {"tells-all-in-any-pages", "rejects-block-nothing", "shifting-pages-lose-nothing",
        "tells-deletes", "tells-everything"},
       EachPage([](SpoiltSource& self, const PollRequest&, PollResponse& page) {
         page.next_cursor = self.system.EndCursor();
       })},
      {"drops the last of a full page",
       {"tells-all-in-any-pages", "shifting-pages-lose-nothing"},
       EachPage([](SpoiltSource&, const PollRequest& request, PollResponse& page) {
         if (static_cast<int>(page.changes.size()) == request.changes_max && page.more) {
           page.changes.pop_back();
         }
       })},
      {"pages by position in a list that is sorted by the last change",
       {"shifting-pages-lose-nothing"},
       [](SpoiltSource& source) {
         source.poll = [](SpoiltSource& self, const PollRequest& request) -> PollResult {
           PollResult probe = self.real->Poll(request);
           if (!probe.ok()) return probe;
           // "<read so far>+<position>": the list of what was last changed after that.
           const size_t plus = request.cursor.find('+');
           const size_t base = Number(request.cursor.substr(0, plus));
           const size_t position =
               plus == std::string::npos ? 0 : Number(request.cursor.substr(plus + 1));
           std::vector<PollResponse> all = self.Everything();
           std::map<std::string, size_t> newest;
           for (size_t i = 0; i < all.size(); ++i) {
             if (!all[i].changes.empty()) newest[all[i].changes.front().subject()] = i;
           }
           std::vector<PollResponse> list;
           for (size_t i = base; i < all.size(); ++i) {
             const bool is_newest =
                 all[i].changes.empty() || newest[all[i].changes.front().subject()] == i;
             if (is_newest) list.push_back(std::move(all[i]));
           }
           PollResponse page;
           const size_t end =
               std::min({list.size(), position + request.changes_max, position + 100});
           for (size_t i = position; i < end; ++i) Append(page, std::move(list[i]));
           page.more = end < list.size();
           page.next_cursor =
               page.more ? fmt::format("{}+{}", base, end) : fmt::format("{}", all.size());
           return page;
         };
       }},
      {"gives more than it was asked for",
       {"keeps-its-limits"},
       EachRequest([](SpoiltSource&, PollRequest& request) {
         request.changes_max = std::max(request.changes_max, 5);
       })},
      {"gives more than it declares",
       {"keeps-its-limits"},
       [](SpoiltSource& source) {
         source.declare = [](SpoiltSource&, SourceCapabilities& declared) {
           declared.page_changes_max = 50;
         };
       }},
      {"asks for a pause without end",
       {"pauses-sensibly"},
       EachPage([](SpoiltSource&, const PollRequest&, PollResponse& page) {
         page.throttle.pause = absl::InfiniteDuration();
       })},
      {"has no cursor for the last page",
       {"has-a-cursor"},
       EachPage([](SpoiltSource&, const PollRequest&, PollResponse& page) {
         if (!page.more) page.next_cursor.clear();
       })},
      {"says that there is more when there is not",
       {"makes-headway"},
       EachPage([](SpoiltSource&, const PollRequest&, PollResponse& page) { page.more = true; })},
      {"says that there is no more when there is",
       {"says-more", "rejects-block-nothing", "rejects-garbage", "tells-all-in-any-pages",
        "tells-deletes", "tells-everything"},
       EachPage([](SpoiltSource&, const PollRequest&, PollResponse& page) { page.more = false; })},
  };
}

std::vector<WrongSource> OfCursors() {
  return {
      {"goes on from where it was, whatever the cursor",
       {"repeats-a-page", "acknowledging-loses-nothing", "goes-on-from-old-cursors",
        "makes-headway", "rejects-block-nothing", "rejects-garbage", "repeats-after-reopening"},
       [](SpoiltSource& source) {
         source.poll = [](SpoiltSource& self, PollRequest request) -> PollResult {
           if (!request.cursor.empty()) request.cursor = self.cursor;
           PollResult page = self.real->Poll(request);
           if (page.ok()) self.cursor = page->next_cursor;
           return page;
         };
       }},
      {"tells each thing once",
       {"repeats-a-page", "rejects-block-nothing", "rejects-garbage", "tells-all-in-any-pages"},
       [](SpoiltSource& source) {
         source.poll = [](SpoiltSource& self, PollRequest request) -> PollResult {
           if (Number(request.cursor) < Number(self.memory.cursor)) {
             request.cursor = self.memory.cursor;
           }
           PollResult page = self.real->Poll(request);
           if (page.ok()) self.memory.cursor = page->next_cursor;
           return page;
         };
       }},
      {"begins at the end when it is opened",
       {"repeats-after-reopening", "acknowledging-loses-nothing", "goes-on-from-old-cursors",
        "tells-all-in-any-pages"},
       [](SpoiltSource& source) {
         source.cursor = source.memory.count++ > 2 ? source.system.EndCursor() : "";
         source.poll = [](SpoiltSource& self, PollRequest request) -> PollResult {
           // Until it was asked for the end, it knows of nothing before.
           if (Number(request.cursor) < Number(self.cursor)) request.cursor = self.cursor;
           return self.real->Poll(request);
         };
       }},
      {"knows only the last cursors",
       {"goes-on-from-old-cursors", "acknowledging-loses-nothing", "tells-everything"},
       [](SpoiltSource& source) {
         source.poll = [](SpoiltSource& self, PollRequest request) -> PollResult {
           const size_t end = Number(self.system.EndCursor());
           const size_t at = Number(request.cursor);
           // A large page from an old cursor begins later.
           if (request.changes_max > 10 && at > 20 && at + 60 < end) {
             request.cursor = fmt::format("{}", end - 60);
           }
           return self.real->Poll(request);
         };
       }},
      {"forgets everything it has told when a part is acknowledged",
       {"acknowledging-loses-nothing"},
       [](SpoiltSource& source) {
         source.poll = [](SpoiltSource& self, PollRequest request) -> PollResult {
           if (Number(request.cursor) < Number(self.memory.cursor)) {
             request.cursor = self.memory.cursor;
           }
           PollResult page = self.real->Poll(request);
           if (page.ok()) self.cursor = page->next_cursor;
           return page;
         };
         source.acknowledge = [](SpoiltSource& self, const std::string&) {
           self.memory.cursor = self.cursor;
         };
       }},
      {"works in the thread that opened it",
       {"works-from-any-thread"},
       [](SpoiltSource& source) {
         source.poll = [](SpoiltSource& self, const PollRequest& request) -> PollResult {
           if (std::this_thread::get_id() != self.thread) {
             return absl::InternalError("there is no connection in this thread");
           }
           return self.real->Poll(request);
         };
       }},
      {"throws when something is acknowledged",
       {"throws-nothing"},
       [](SpoiltSource& source) {
         source.acknowledge = [](SpoiltSource&, const std::string&) {
           throw std::runtime_error("not supported");
         };
       }},
      {"throws what is no exception when something is acknowledged",
       {"throws-nothing"},
       [](SpoiltSource& source) {
         source.acknowledge = [](SpoiltSource&, const std::string&) { throw 7; };
       }},
      {"throws instead of describing itself",
       {"throws-nothing", "describes-itself"},
       [](SpoiltSource& source) {
         source.describe = [](SpoiltSource&, ConnectorDescription&) {
           throw std::runtime_error("it is not configured");
         };
       }},
      {"throws instead of declaring anything",
       {"throws-nothing", "declares-sensibly"},
       [](SpoiltSource& source) {
         source.declare = [](SpoiltSource&, SourceCapabilities&) {
           throw std::runtime_error("it is not configured");
         };
       }},
      {"describes itself as something else each time",
       {"describes-itself"},
       [](SpoiltSource& source) {
         source.describe = [](SpoiltSource& self, ConnectorDescription& description) {
           description.contract_version = fmt::format("{}", ++self.memory.count);
         };
       }},
      {"declares no page",
       {"declares-sensibly"},
       [](SpoiltSource& source) {
         source.declare = [](SpoiltSource&, SourceCapabilities& declared) {
           declared.page_changes_max = 0;
         };
       }},
      {"declares no type",
       {"declares-sensibly"},
       [](SpoiltSource& source) {
         source.declare = [](SpoiltSource&, SourceCapabilities& declared) {
           declared.entities.clear();
         };
       }},
  };
}

std::vector<WrongSource> OfChanges() {
  return {
      {"makes up an id each time",
       {"ids-are-stable"},
       EachChange([](SpoiltSource& self, Change& change) {
         change.set_id(fmt::format("{}", ++self.memory.count));
       })},
      {"takes the entity's id for the change's",
       {"ids-name-one-change", "tells-deletes", "tells-everything"},
       EachChange([](SpoiltSource&, Change& change) { change.set_id(change.subject()); })},
      {"tells what breaks the model's rules",
       {"changes-are-valid", "tells-the-truth"},
       EachChange([](SpoiltSource&, Change& change) {
         if (change.entity().has_order())
           change.mutable_entity()->mutable_order()->set_currency("£");
       })},
      {"leaves out the subject",
       {"changes-are-valid", "subjects-name-one-entity"},
       EachChange([](SpoiltSource&, Change& change) {
         if (change.entity().has_payment()) change.clear_subject();
       })},
      {"tells of what it does not declare",
       {"tells-declared-entities", "tells-deletes", "tells-everything"},
       [](SpoiltSource& source) {
         source.declare = [](SpoiltSource&, SourceCapabilities& declared) {
           declared.entities.erase(EntityType::kProduct);
         };
         EachChange([](SpoiltSource&, Change& change) {
           if (!change.entity().has_payment()) return;
           const std::string number = change.entity().payment().number();
           *change.mutable_entity() = MakeProduct(number, "");
         })(source);
       }},
      {"tells deletes that it does not declare",
       {"tells-declared-deletes"},
       [](SpoiltSource& source) {
         source.declare = [](SpoiltSource&, SourceCapabilities& declared) {
           declared.deletes = false;
         };
       }},
      {"calls an entity something else each time",
       {"subjects-name-one-entity"},
       EachChange([](SpoiltSource&, Change& change) {
         change.set_subject(fmt::format("{}/{}", change.subject(), change.source_version()));
       })},
      {"calls all orders the same",
       {"subjects-name-one-entity"},
       EachChange([](SpoiltSource&, Change& change) {
         if (change.entity().has_order()) change.set_subject("the order");
       })},
      {"names its source differently",
       {"names-one-source"},
       EachChange([](SpoiltSource&, Change& change) {
         if (change.entity().has_order()) change.set_source("orders");
       })},
      {"counts its versions down", {"versions-grow"}, EachChange([](SpoiltSource&, Change& change) {
         change.set_source_version(1'000'000 - change.source_version());
       })},
      {"reorders a lane",
       {"keeps-the-order", "versions-grow"},
       EachPage([](SpoiltSource&, const PollRequest&, PollResponse& page) {
         std::reverse(page.changes.begin(), page.changes.end());
       })},
      {"reorders what has no version",
       {"keeps-the-order"},
       EachPage([](SpoiltSource&, const PollRequest&, PollResponse& page) {
         std::reverse(page.changes.begin(), page.changes.end());
         for (Change& change : page.changes) change.set_source_version(0);
       })},
      {"tells nothing of one type",
       {"tells-everything", "tells-deletes"},
       Without([](const Change& change) { return change.entity().has_payment(); })},
      {"tells only what is new", {"tells-everything"}, Without([](const Change& change) {
         return change.entity().has_customer() &&
                change.entity().customer().given_name() == "variant 3";
       })},
      {"cuts what it tells", {"tells-the-truth"}, EachChange([](SpoiltSource&, Change& change) {
         if (change.entity().has_order()) change.mutable_entity()->mutable_order()->clear_lines();
       })},
      {"hides deletes though it declares them",
       {"tells-deletes"},
       Without(
           [](const Change& change) { return change.operation() == model::v1::OPERATION_DELETE; })},
      {"is asleep for a while after it told everything",
       {"tells-what-comes-later"},
       [](SpoiltSource& source) {
         source.poll = [](SpoiltSource& self, const PollRequest& request) -> PollResult {
           PollResult page = self.real->Poll(request);
           if (!page.ok()) return page;
           // What happened in a certain second is skipped with its cursor.
           const int64_t begin = 1767225600;
           auto& changes = page->changes;
           changes.erase(std::remove_if(changes.begin(), changes.end(),
                                        [&](const Change& change) {
                                          return change.time().seconds() ==
                                                 begin + self.memory.count;
                                        }),
                         changes.end());
           return page;
         };
         source.memory.count = 60;
       }},
      {"drops the raw content of what it rejects",
       {"rejects-carry-everything"},
       EachPage([](SpoiltSource&, const PollRequest&, PollResponse& page) {
         for (RejectedInput& reject : page.rejects) reject.raw.clear();
       })},
      {"passes over what it cannot read",
       {"rejects-garbage"},
       EachPage(
           [](SpoiltSource&, const PollRequest&, PollResponse& page) { page.rejects.clear(); })},
      {"stops at what it cannot read",
       {"rejects-block-nothing", "acknowledging-loses-nothing", "failures-lose-nothing",
        "makes-headway", "rejects-garbage", "tells-equal-times", "tells-what-comes-later"},
       [](SpoiltSource& source) {
         source.poll = [](SpoiltSource& self, const PollRequest& request) -> PollResult {
           PollResult page = self.real->Poll(request);
           if (page.ok() && !page->rejects.empty()) return absl::DataLossError("cannot read this");
           return page;
         };
       }},
  };
}

std::vector<WrongSource> OfTroubles() {
  return {
      {"takes an error for an empty page",
       {"unreachable-is-an-error"},
       EachError([](const absl::Status& status, const PollRequest& request) -> PollResult {
         if (!absl::IsUnavailable(status)) return status;
         return PollResponse{.next_cursor = request.cursor};
       })},
      {"takes a 429 for an outage",
       {"throttled-is-resource-exhausted"},
       EachError([](const absl::Status& status, const PollRequest&) -> PollResult {
         if (!absl::IsResourceExhausted(status)) return status;
         return absl::UnavailableError("429");
       })},
      {"takes a 401 for an outage",
       {"refused-credentials-are-unauthenticated"},
       EachError([](const absl::Status& status, const PollRequest&) -> PollResult {
         if (!absl::IsUnauthenticated(status)) return status;
         return absl::UnavailableError("401");
       })},
      {"passes what it dropped at its deadline",
       {"failures-lose-nothing"},
       [](SpoiltSource& source) {
         source.poll = [](SpoiltSource& self, const PollRequest& request) -> PollResult {
           PollResult page = self.real->Poll(request);
           if (!absl::IsDeadlineExceeded(page.status())) return page;
           return PollResponse{.next_cursor = self.system.EndCursor()};
         };
       }},
      {"waits as long as it takes",
       {"keeps-its-deadline"},
       EachRequest(
           [](SpoiltSource&, PollRequest& request) { request.deadline = absl::InfiniteFuture(); })},
      {"moves on when a poll fails",
       {"failures-lose-nothing"},
       [](SpoiltSource& source) {
         source.poll = [](SpoiltSource& self, PollRequest request) -> PollResult {
           const bool skips = self.count > 0;
           PollResult page = self.real->Poll(request);
           self.count = page.ok() ? 0 : 1;
           if (page.ok() && skips && !page->changes.empty())
             page->changes.erase(page->changes.begin());
           return page;
         };
       }},
  };
}

}  // namespace

std::vector<WrongSource> WrongSources() {
  std::vector<WrongSource> all;
  for (auto* group : {&OfPages, &OfCursors, &OfChanges, &OfTroubles}) {
    for (WrongSource& wrong : group()) all.push_back(std::move(wrong));
  }
  return all;
}

}  // namespace retailsync::testing
