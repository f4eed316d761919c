// A target without libFuzzer.
//
//     replay [--mutations N]      tries its seeds, and so many mutations of them, always the same
//     replay FILE...              tries these inputs
//     replay --write-seeds FOLDER only writes the seeds there, for libFuzzer to begin with
#include <google/protobuf/stubs/logging.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "crash/chance.h"
#include "fuzz/target.h"

namespace retailsync::fuzz {
namespace {

using crash::Chance;

constexpr int kMutations = 400;

// One to four changes: a bit, a byte, a piece that goes, comes twice, or comes from another seed.
std::string Mutate(const std::vector<std::string>& seeds, Chance chance) {
  std::string input = seeds[chance.Below(seeds.size())];
  for (int change = chance.Between(1, 4); change > 0; --change) {
    const size_t at = chance.Below(input.size() + 1);
    const size_t size = chance.Below(16) + 1;
    switch (input.empty() ? 5 : chance.Below(6)) {
      case 0:
        input[at % input.size()] ^= static_cast<char>(1 << chance.Below(8));
        break;
      case 1:
        input[at % input.size()] = static_cast<char>(chance.Next());
        break;
      case 2:
        input.erase(at, size);
        break;
      case 3:
        input.insert(at, input.substr(chance.Below(input.size()), size));
        break;
      case 4:
        input.resize(at);
        break;
      default: {
        const std::string& other = seeds[chance.Below(seeds.size())];
        input.insert(at, other.substr(chance.Below(other.size() + 1), size * 4));
      }
    }
  }
  return input;
}

int WriteSeeds(const std::filesystem::path& folder) {
  int number = 0;
  for (const std::string& seed : Seeds()) {
    std::ofstream out(folder / ("seed-" + std::to_string(number++)), std::ios::binary);
    out << seed;
    if (!out.flush()) {
      std::fprintf(stderr, "%s: cannot be written\n", folder.c_str());
      return 1;
    }
  }
  return 0;
}

int Replay(int mutations) {
  const std::vector<std::string> seeds = Seeds();
  Require(!seeds.empty(), "there are seeds");
  size_t bytes = 0;
  for (const std::string& seed : seeds) {
    bytes += seed.size();
    Try(seed);
  }
  Try({});
  for (int i = 0; i < mutations; ++i) Try(Mutate(seeds, Chance(static_cast<uint64_t>(i))));
  std::printf("%zu seeds of %zu bytes, %d mutations\n", seeds.size(), bytes, mutations);
  return 0;
}

int Run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return Replay(kMutations);
  if (arguments[0] == "--mutations" && arguments.size() == 2) {
    return Replay(std::atoi(arguments[1].c_str()));
  }
  if (arguments[0] == "--write-seeds" && arguments.size() == 2) return WriteSeeds(arguments[1]);
  for (const std::string& path : arguments) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
      return 1;
    }
    Try(std::string(std::istreambuf_iterator<char>(in), {}));
  }
  return 0;
}

}  // namespace
}  // namespace retailsync::fuzz

int main(int argc, char** argv) {
  google::protobuf::SetLogHandler(nullptr);
  return retailsync::fuzz::Run({argv + 1, argv + argc});
}
