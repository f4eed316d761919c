#include "options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string_view>

namespace retail_year {

const char* const kUsage =
    "retail_year [--store FILE] [--erp FILE] [--duplicate P] [--reorder N] [--fail P]\n"
    "            [--lose-response P] [--seed N] [--json] FILE.csv.gz...\n"
    "retail_year --make-sample FOLDER\n"
    "\n"
    "Takes a shop's invoices through the engine into an ERP. Without files it makes a small data "
    "set\n"
    "of its own; without any option it works in a fresh temporary folder.\n"
    "\n"
    "  --store FILE       the engine's memory (retail_year.store.db)\n"
    "  --erp FILE         the ERP's database (retail_year.erp.db)\n"
    "  --duplicate P      tell this share of changes again, later and out of place\n"
    "  --reorder N        shuffle changes within windows of N\n"
    "  --fail P           let this share of postings fail before they have an effect\n"
    "  --lose-response P  lose the answer to this share of postings\n"
    "  --seed N           chance for all four (1)\n"
    "  --json             print one JSON object instead of the summary\n"
    "  --make-sample FOLDER  only write the small data set there\n";

namespace {

constexpr int kReorderMax = 10'000;

absl::Status Invalid(const std::string& sentence) {
  return absl::InvalidArgumentError(sentence);
}

absl::StatusOr<double> ParseShare(const std::string& name, const std::string& text, bool one) {
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  bool number =
      !text.empty() && *end == '\0' && text.find_first_not_of("0123456789.") == std::string::npos;
  if (!number || !(value >= 0 && (one ? value <= 1 : value < 1))) {
    return Invalid(fmt::format("{}: must be a number from 0 to {}1, and is '{}'", name,
                               one ? "" : "below ", text));
  }
  return value;
}

absl::StatusOr<uint64_t> ParseCount(const std::string& name, const std::string& text, uint64_t min,
                                    uint64_t max) {
  bool digits = !text.empty() && text.size() <= 19 &&
                text.find_first_not_of("0123456789") == std::string::npos;
  uint64_t value = digits ? std::strtoull(text.c_str(), nullptr, 10) : 0;
  if (!digits || value < min || value > max) {
    return Invalid(
        fmt::format("{}: must be a whole number from {} to {}, and is '{}'", name, min, max, text));
  }
  return value;
}

absl::Status Set(const std::string& name, const std::string& value, Options& options) {
  if (value.empty()) return Invalid(fmt::format("{}: must not be empty", name));
  absl::StatusOr<double> share = 0.0;
  absl::StatusOr<uint64_t> count = uint64_t{0};
  if (name == "--store") options.store = value;
  if (name == "--erp") options.erp = value;
  if (name == "--make-sample") options.make_sample = value;
  if (name == "--duplicate" && (share = ParseShare(name, value, true)).ok()) {
    options.duplicate = *share;
  }
  if (name == "--lose-response" && (share = ParseShare(name, value, true)).ok()) {
    options.lose_response = *share;
  }
  if (name == "--fail" && (share = ParseShare(name, value, false)).ok()) options.fail = *share;
  if (name == "--reorder" && (count = ParseCount(name, value, 2, kReorderMax)).ok()) {
    options.reorder = static_cast<int>(*count);
  }
  if (name == "--seed" && (count = ParseCount(name, value, 0, 9'999'999'999'999'999'999u)).ok()) {
    options.seed = *count;
  }
  return share.ok() ? count.status() : share.status();
}

bool SameFile(const std::string& a, const std::string& b) {
  std::error_code error;
  using std::filesystem::absolute;
  using std::filesystem::weakly_canonical;
  return weakly_canonical(absolute(a, error), error) == weakly_canonical(absolute(b, error), error);
}

absl::Status CheckTogether(const Options& options, const std::set<std::string>& given) {
  if (!options.make_sample.empty() && (given.size() > 1 || !options.files.empty())) {
    return Invalid("--make-sample: must stand alone, because it only writes files");
  }
  std::string store = options.store.empty() ? "retail_year.store.db" : options.store;
  std::string erp = options.erp.empty() ? "retail_year.erp.db" : options.erp;
  if (SameFile(store, erp)) {
    return Invalid("--store and --erp: must be two files, because the ERP is another system");
  }
  for (const std::string& file : options.files) {
    if (SameFile(file, store) || SameFile(file, erp)) {
      return Invalid(fmt::format("{}: must not be input and --store or --erp at once", file));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& arguments) {
  static const std::set<std::string> kValued = {"--store", "--erp",           "--duplicate",
                                                "--fail",  "--lose-response", "--reorder",
                                                "--seed",  "--make-sample"};
  Options options;
  std::set<std::string> given;
  bool only_files = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (only_files || argument.empty() || argument[0] != '-' || argument == "-") {
      if (argument.empty()) return Invalid("FILE: must not be empty");
      options.files.push_back(argument);
      continue;
    }
    if (argument == "--") {
      only_files = true;
      continue;
    }
    size_t equals = argument.find('=');
    std::string name = argument.substr(0, equals);
    bool valued = kValued.count(name) > 0;
    if (!valued && name != "--json" && name != "--help") {
      return Invalid(fmt::format("{}: is no option; --help lists them", name));
    }
    if (!given.insert(name).second) return Invalid(fmt::format("{}: must be given once", name));
    if (!valued) {
      if (equals != std::string::npos) return Invalid(fmt::format("{}: takes no value", name));
      (name == "--json" ? options.json : options.help) = true;
      continue;
    }
    if (equals == std::string::npos && i + 1 == arguments.size()) {
      return Invalid(fmt::format("{}: needs a value", name));
    }
    absl::Status status = Set(
        name, equals == std::string::npos ? arguments[++i] : argument.substr(equals + 1), options);
    if (!status.ok()) return status;
  }
  if (absl::Status status = CheckTogether(options, given); !status.ok()) return status;
  return options;
}

}  // namespace retail_year
