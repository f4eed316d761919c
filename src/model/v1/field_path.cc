#include "model/v1/field_path.h"

namespace retailsync::model_internal {
namespace {

// The position after the bracket that closes the one at `open`; the end when none does.
size_t EndOfKey(std::string_view path, size_t open) {
  for (size_t i = open + 1; i < path.size(); ++i) {
    if (path[i] == '\\') {
      ++i;
    } else if (path[i] == ']') {
      return i + 1;
    }
  }
  return path.size();
}

}  // namespace

FieldPath::Step FieldPath::Field(std::string_view name) {
  starts_.push_back(text_.size());
  if (!text_.empty()) text_.push_back('.');
  text_.append(name);
  return Step(this);
}

FieldPath::Step FieldPath::Key(std::string_view key) {
  starts_.push_back(text_.size());
  text_.push_back('[');
  for (const char c : key) {
    if (c == '\\' || c == ']') text_.push_back('\\');
    text_.push_back(c);
  }
  text_.push_back(']');
  return Step(this);
}

FieldPath::Step FieldPath::Position(int index) {
  starts_.push_back(text_.size());
  text_.append("[#").append(std::to_string(index)).push_back(']');
  return Step(this);
}

void FieldPath::Pop() {
  text_.resize(starts_.back());
  starts_.pop_back();
}

std::vector<size_t> StepStarts(std::string_view path) {
  std::vector<size_t> starts;
  if (path.empty()) return starts;
  starts.push_back(0);
  for (size_t i = 0; i < path.size();) {
    if (path[i] == '[') {
      if (i != 0) starts.push_back(i);
      i = EndOfKey(path, i);
    } else {
      if (path[i] == '.' && i != 0) starts.push_back(i);
      ++i;
    }
  }
  return starts;
}

bool Covers(std::string_view prefix, std::string_view path) {
  size_t i = 0;
  size_t j = 0;
  while (i < prefix.size()) {
    if (j == path.size()) return false;
    if (path[j] == '[' && prefix[i] != '[') {
      // The prefix names no key here: at a step's end any will do.
      if (prefix[i] != '.') return false;
      j = EndOfKey(path, j);
      continue;
    }
    if (prefix[i] != path[j]) return false;
    if (prefix[i] == '[') {
      const size_t prefix_end = EndOfKey(prefix, i);
      const size_t path_end = EndOfKey(path, j);
      if (prefix.substr(i, prefix_end - i) != path.substr(j, path_end - j)) return false;
      i = prefix_end;
      j = path_end;
      continue;
    }
    ++i;
    ++j;
  }
  return i == 0 || j == path.size() || path[j] == '.' || path[j] == '[';
}

std::vector<PathStep> ParsePath(std::string_view path) {
  std::vector<PathStep> steps;
  size_t i = 0;
  while (i < path.size()) {
    PathStep step;
    while (i < path.size() && path[i] != '.' && path[i] != '[') step.name.push_back(path[i++]);
    if (step.name.empty()) return {};
    if (i < path.size() && path[i] == '[') {
      const size_t open = i;
      const size_t end = EndOfKey(path, i);
      if (path[end - 1] != ']' || end - i < 3) return {};
      step.has_key = true;
      for (++i; i + 1 < end; ++i) {
        if (path[i] == '\\' && i + 2 < end) ++i;
        step.key.push_back(path[i]);
      }
      // As it is written here, and not otherwise: paths are compared as texts.
      FieldPath canonical;
      const auto key = canonical.Key(step.key);
      if (canonical.text() != path.substr(end - canonical.text().size(), canonical.text().size()) ||
          end - canonical.text().size() != open) {
        return {};
      }
      i = end;
    }
    steps.push_back(std::move(step));
    if (i == path.size()) break;
    if (path[i] != '.' || ++i == path.size()) return {};
  }
  return steps;
}

}  // namespace retailsync::model_internal
