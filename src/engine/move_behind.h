// What one vector has, handed on to another.
#ifndef RETAILSYNC_SRC_ENGINE_MOVE_BEHIND_H_
#define RETAILSYNC_SRC_ENGINE_MOVE_BEHIND_H_

#include <iterator>
#include <vector>

namespace retailsync::engine {

// Everything in `from` to the end of `to`.
template <typename T>
void MoveBehind(std::vector<T>& from, std::vector<T>& to) {
  to.insert(to.end(), std::move_iterator(from.begin()), std::move_iterator(from.end()));
  from.clear();
}

}  // namespace retailsync::engine

#endif  // RETAILSYNC_SRC_ENGINE_MOVE_BEHIND_H_
