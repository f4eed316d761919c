// Paths to fields: "lines[2].quantity".
//
// In a key the characters '\' and ']' are written with a '\' in front of them.
#ifndef RETAILSYNC_SRC_MODEL_V1_FIELD_PATH_H_
#define RETAILSYNC_SRC_MODEL_V1_FIELD_PATH_H_

#include <string>
#include <string_view>
#include <vector>

namespace retailsync::model_internal {

// A path that grows and shrinks with a walk over a message.
class FieldPath {
 public:
  // Opens a step and closes it again when it goes out of scope.
  class Step {
   public:
    ~Step() { path_.Pop(); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    friend class FieldPath;
    explicit Step(FieldPath* path) : path_(*path) {}
    FieldPath& path_;
  };

  [[nodiscard]] Step Field(std::string_view name);
  [[nodiscard]] Step Key(std::string_view key);
  // An element by its position: "[#0]".
  [[nodiscard]] Step Position(int index);

  const std::string& text() const { return text_; }
  // Where each step begins: text().substr(0, starts()[i]) is a path above this one.
  const std::vector<size_t>& starts() const { return starts_; }

 private:
  void Pop();

  std::string text_;
  std::vector<size_t> starts_;
};

// Where each step of a path begins, as in FieldPath.
std::vector<size_t> StepStarts(std::string_view path);

// `path` is `prefix` or lies below it. A list without a key in `prefix` stands for all its
// elements: "lines.quantity" covers "lines[2].quantity".
bool Covers(std::string_view prefix, std::string_view path);

// One step of a path taken apart.
struct PathStep {
  std::string name;
  std::string key;
  bool has_key = false;
};
// Empty when the path is malformed.
std::vector<PathStep> ParsePath(std::string_view path);

}  // namespace retailsync::model_internal

#endif  // RETAILSYNC_SRC_MODEL_V1_FIELD_PATH_H_
