// Work that is given to somebody else.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_GIVEN_WORK_H_
#define RETAILSYNC_SRC_STORE_SQLITE_GIVEN_WORK_H_

#include <functional>
#include <memory>

#include "retailsync/store/sqlite_store.h"

namespace retailsync::store::sqlite {

// A piece of work that an executor was given, which may run it now or later, drop it, or keep it
// for ever.
//
// Thread safety: belongs to one thread at a time; the work runs on any.
class GivenWork {
 public:
  GivenWork(const StoreExecutor& executor, std::function<void()> work);
  // Like TakeBack().
  ~GivenWork() { TakeBack(); }
  GivenWork(const GivenWork&) = delete;
  GivenWork& operator=(const GivenWork&) = delete;

  // It has neither come to its end nor been dropped.
  bool IsUnderWay() const;
  // Waits for its end where it was begun; where it was not, it will not be.
  void TakeBack();
  // Waits for its end where it was begun, and does it where it was not.
  void Finish();

 private:
  struct State;
  class Piece;

  const std::shared_ptr<State> state_;
};

}  // namespace retailsync::store::sqlite

#endif  // RETAILSYNC_SRC_STORE_SQLITE_GIVEN_WORK_H_
