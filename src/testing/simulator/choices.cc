#include "testing/simulator/choices.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace retailsync::testing {
namespace {

constexpr std::array<std::string_view, kStreamCount> kStreamNames = {"workload", "faults",
                                                                     "schedule"};

size_t Index(Stream stream) {
  return static_cast<size_t>(stream);
}

uint64_t SeedOf(uint64_t seed, Stream stream) {
  SplitMix64 mixed(seed ^ (0xD1B54A32D192ED03u * (Index(stream) + 1)));
  return mixed.Next();
}

std::string_view NextWord(std::string_view* text) {
  const size_t begin = text->find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  const size_t end = std::min(text->find_first_of(" \t\r", begin), text->size());
  const std::string_view word = text->substr(begin, end - begin);
  text->remove_prefix(end);
  return word;
}

bool ParseNumber(std::string_view text, uint32_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

// "4" or "0*12". A run of zeros can be long; nobody writes one that fills the memory.
bool ParseChoices(std::string_view word, std::vector<uint32_t>* choices) {
  constexpr uint32_t kRunMax = 100'000'000;
  const size_t star = word.find('*');
  uint32_t value = 0;
  uint32_t times = 1;
  if (!ParseNumber(word.substr(0, star), &value)) return false;
  if (star != std::string_view::npos && !ParseNumber(word.substr(star + 1), &times)) return false;
  if (times > kRunMax - std::min<size_t>(choices->size(), kRunMax)) return false;
  choices->insert(choices->end(), times, value);
  return true;
}

}  // namespace

size_t ChoiceList::Weight() const {
  size_t weight = 0;
  for (const auto& stream : streams) {
    weight +=
        stream.size() - static_cast<size_t>(std::count(stream.begin(), stream.end(), uint32_t{0}));
  }
  return weight;
}

void ChoiceList::Trim() {
  for (auto& stream : streams) {
    while (!stream.empty() && stream.back() == 0) stream.pop_back();
  }
}

std::string ChoiceList::ToText() const {
  std::string text;
  for (size_t s = 0; s < kStreamCount; ++s) {
    text += kStreamNames[s];
    for (size_t i = 0; i < streams[s].size();) {
      size_t end = i;
      while (end < streams[s].size() && streams[s][end] == streams[s][i]) ++end;
      text += end - i == 1 ? fmt::format(" {}", streams[s][i])
                           : fmt::format(" {}*{}", streams[s][i], end - i);
      i = end;
    }
    text.push_back('\n');
  }
  return text;
}

absl::StatusOr<ChoiceList> ChoiceList::Parse(std::string_view text) {
  ChoiceList list;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view name = NextWord(&line);
    if (name.empty() || name.front() == '#') continue;
    const auto found = std::find(kStreamNames.begin(), kStreamNames.end(), name);
    if (found == kStreamNames.end()) {
      return absl::InvalidArgumentError(
          fmt::format("choices, line {}: '{}' is no stream", number, name));
    }
    auto& stream = list.streams[static_cast<size_t>(found - kStreamNames.begin())];
    for (std::string_view word = NextWord(&line); !word.empty(); word = NextWord(&line)) {
      if (!ParseChoices(word, &stream)) {
        return absl::InvalidArgumentError(fmt::format(
            "choices, line {}: '{}' is neither a choice nor a run of one", number, word));
      }
    }
  }
  return list;
}

Choices::Choices(uint64_t seed)
    : random_{SplitMix64(SeedOf(seed, Stream::kWorkload)),
              SplitMix64(SeedOf(seed, Stream::kFaults)),
              SplitMix64(SeedOf(seed, Stream::kSchedule))} {
  for (auto& stream : made_.streams) stream.reserve(4096);
}

Choices::Choices(const ChoiceList* list) : Choices(uint64_t{0}) {
  list_ = list;
}

uint32_t Choices::Choose(Stream stream, uint32_t bound) {
  auto& made = made_.streams[Index(stream)];
  if (list_ == nullptr) {
    // The high half of the product maps 32 random bits onto the range without a division.
    return static_cast<uint32_t>(((random_[Index(stream)].Next() >> 32) * bound) >> 32);
  }
  const auto& list = list_->streams[Index(stream)];
  const uint32_t value = made.size() < list.size() ? list[made.size()] : 0;
  return value < bound ? value : value % bound;
}

uint32_t Choices::Below(Stream stream, uint32_t bound) {
  if (bound <= 1) return 0;
  const uint32_t value = Choose(stream, bound);
  made_.streams[Index(stream)].push_back(value);
  return value;
}

bool Choices::Hit(Stream stream, uint32_t permille) {
  if (permille == 0) return false;
  if (permille >= 1000) return true;
  const bool hit = list_ == nullptr ? Choose(stream, 1000) < permille : Choose(stream, 2) != 0;
  made_.streams[Index(stream)].push_back(hit ? 1 : 0);
  return hit;
}

int64_t Choices::Between(Stream stream, int64_t least, int64_t most) {
  return least + static_cast<int64_t>(Below(stream, static_cast<uint32_t>(most - least + 1)));
}

void Choices::BeginGroup(Stream stream) {
  groups_[Index(stream)].push_back(made_.streams[Index(stream)].size());
}

}  // namespace retailsync::testing
