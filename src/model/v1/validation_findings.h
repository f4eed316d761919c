// What a validation finds.
#ifndef RETAILSYNC_SRC_MODEL_V1_VALIDATION_FINDINGS_H_
#define RETAILSYNC_SRC_MODEL_V1_VALIDATION_FINDINGS_H_

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "model/v1/field_path.h"
#include "retailsync/model/v1/validation.h"

namespace retailsync::model_internal {

// A path for a walk that names nothing.
class NoPath {
 public:
  struct Step {
    ~Step() {}  // so that no compiler takes a step for an unused variable
  };
  Step Field(std::string_view) { return {}; }
  Step Key(std::string_view) { return {}; }
  Step Position(int) { return {}; }
};

// Where a walk is and what it found wrong. The same walk is made in two ways: one that only tells
// whether anything is wrong, which is all that a sound entity ever meets and costs a fraction of
// the other, and one that names every violation. So each rule stands in one place.
template <bool kNaming>
class Findings {
 public:
  auto& path() { return path_; }
  bool valid() const { return valid_; }
  std::vector<Violation> Take() { return std::move(violations_); }

  // `rule` is the text, or a function that makes it.
  template <typename Rule>
  void Add(const Rule& rule) {
    valid_ = false;
    if constexpr (kNaming) {
      if constexpr (std::is_invocable_v<Rule>) {
        violations_.push_back({path_.text(), rule()});
      } else {
        violations_.push_back({path_.text(), rule});
      }
    }
  }
  template <typename Rule>
  void AddAt(std::string_view field, const Rule& rule) {
    const auto step = path_.Field(field);
    Add(rule);
  }
  // `index` is a position in the list at the path, or negative where there is no list.
  template <typename Rule>
  void AddAt(int index, const Rule& rule) {
    if (index < 0) return Add(rule);
    const auto step = path_.Position(index);
    Add(rule);
  }

  // The bytes of the message at the path are not as Protocol Buffers serialises one. It made those
  // of a walk that names violations just before, so that there is only one way to this.
  void NotInOrder() { Add("must not have an unknown field with the number of a known one"); }

 private:
  std::conditional_t<kNaming, FieldPath, NoPath> path_;
  bool valid_ = true;
  std::vector<Violation> violations_;
};

}  // namespace retailsync::model_internal

#endif  // RETAILSYNC_SRC_MODEL_V1_VALIDATION_FINDINGS_H_
