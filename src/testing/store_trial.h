// A store under the kit, beside a model of what it must hold.
#ifndef RETAILSYNC_TESTING_STORE_TRIAL_H_
#define RETAILSYNC_TESTING_STORE_TRIAL_H_

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "retailsync/testing/store_kit.h"
#include "testing/kit_notes.h"
#include "testing/store_model.h"
#include "testing/store_rows.h"

namespace retailsync::testing::store_kit {

using StoreNotes = NotesOf<kStoreChecks>;
using Id = StoreNotes::Id;

// The check that a difference is a finding of, instead of the read's own.
class Instead {
 public:
  constexpr Instead() = default;
  constexpr Instead(Id check) : check_(check), is_set_(true) {}             // NOLINT: it is one
  consteval Instead(const char* name) : check_(Id(name)), is_set_(true) {}  // NOLINT: as Id
  constexpr Id Or(Id usual) const { return is_set_ ? check_ : usual; }

 private:
  Id check_ = "opens";
  bool is_set_ = false;
};

class Trial {
 public:
  explicit Trial(const StoreSubject& subject) : subject_(subject) {}

  const StoreSubject& subject() const { return subject_; }
  StoreNotes& notes() { return notes_; }
  // Right after OpenNew() only: a reopening may have left none.
  Store& store() { return *store_; }
  const Model& model() const { return model_; }
  const std::string& described() const { return described_; }

  // A store that holds nothing, and a model that does not either. False: it did not open.
  bool OpenNew();
  // As when its owner went and came back. False: it cannot be, did not open, or lost something
  // before. After one that did not open there is no store: nothing is committed or compared until
  // the next OpenNew().
  bool Reopen();
  // The same where it may be refused with DataLoss: no finding then, and no store either.
  absl::Status ReopenDamaged();
  // As after a crash.
  bool Crash();

  // Commits what must be taken; the model follows. False, and a finding of `check`, when it is not.
  bool Commit(Id check, const WriteBatch& batch);
  // The same for what was committed otherwise: only the model does it.
  void Follow(const WriteBatch& batch) { model_.Commit(batch); }
  // Commits what must be refused, with this code if it matters; nothing may have been written.
  void Refuse(Id check, const WriteBatch& batch, std::optional<absl::StatusCode> code,
              std::string_view what);
  // Expires all of it, in pieces; the model follows.
  void Expire(Id check, absl::Time before);

  // Compares every read with the model. What differs is a finding of `instead`; of the read's own
  // check without it, and where that was found broken before.
  void Compare(Instead instead = {});
  void CompareSmallTables(Instead instead = {});
  void CompareJournal(Instead instead = {});
  void CompareRecords(Instead instead = {});
  void CompareLanes(Instead instead = {});
  void CompareOwed(Instead instead = {});
  void CompareLetters(Instead instead = {});

  // What was found must be what was wanted, row by row.
  template <typename Row>
  void ExpectRows(Id check, std::string_view what, const absl::StatusOr<std::vector<Row>>& found,
                  const std::vector<Row>& wanted);
  template <typename Row>
  void ExpectAnswers(Id check, std::string_view what,
                     const absl::StatusOr<std::vector<std::optional<Row>>>& found,
                     const std::vector<std::optional<Row>>& wanted);

 private:
  Id Blame(Instead instead, Id usual) const;
  bool Take(absl::StatusOr<std::unique_ptr<Store>> opened, std::string_view how);

  const StoreSubject& subject_;
  StoreNotes notes_;
  std::unique_ptr<Store> store_;
  Model model_;
  std::string described_;
};

template <typename Row>
void Trial::ExpectRows(Id check, std::string_view what,
                       const absl::StatusOr<std::vector<Row>>& found,
                       const std::vector<Row>& wanted) {
  if (!notes_.Expect(check, found.ok(), "{} failed: {}", what,
                     std::string(found.status().message()))) {
    return;
  }
  notes_.Expect(check, found->size() == wanted.size(), "{} gave {} rows, not {}", what,
                found->size(), wanted.size());
  for (size_t i = 0; i < std::min(found->size(), wanted.size()); ++i) {
    const std::string difference = Difference(FieldsOf(wanted[i]), FieldsOf((*found)[i]));
    if (!notes_.Expect(check, difference.empty(), "{}, row {} of {}: {}", what, i + 1,
                       wanted.size(), difference)) {
      return;
    }
  }
}

template <typename Row>
void Trial::ExpectAnswers(Id check, std::string_view what,
                          const absl::StatusOr<std::vector<std::optional<Row>>>& found,
                          const std::vector<std::optional<Row>>& wanted) {
  if (!notes_.Expect(check, found.ok(), "{} failed: {}", what,
                     std::string(found.status().message()))) {
    return;
  }
  if (!notes_.Expect("answers-in-key-order", found->size() == wanted.size(),
                     "{} gave {} answers for {} keys", what, found->size(), wanted.size())) {
    return;
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    const std::string difference = DifferenceOf(wanted[i], (*found)[i]);
    notes_.Expect(check, difference.empty(), "{}, key {} of {}: {}", what, i + 1, wanted.size(),
                  difference);
  }
}

// The groups of checks. Each begins with new stores.
void CheckOpening(Trial& trial);
void CheckRows(Trial& trial);
void CheckValues(Trial& trial);
void CheckReplacing(Trial& trial);
void CheckLasting(Trial& trial);
void CheckRefusing(Trial& trial);
void CheckHalves(Trial& trial);
void CheckKeys(Trial& trial);
void CheckScans(Trial& trial);
void CheckTroubles(Trial& trial);
void CheckDamage(Trial& trial);
void CheckExpiring(Trial& trial);
void CheckAtRandom(Trial& trial);

}  // namespace retailsync::testing::store_kit

#endif  // RETAILSYNC_TESTING_STORE_TRIAL_H_
