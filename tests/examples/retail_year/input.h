// Small inputs for the tests of retail_year.
#ifndef RETAILSYNC_TESTS_EXAMPLES_RETAIL_YEAR_INPUT_H_
#define RETAILSYNC_TESTS_EXAMPLES_RETAIL_YEAR_INPUT_H_

#include <stdlib.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>

inline const std::string kHeaderLine =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

// A folder that goes away with it.
class Folder {
 public:
  Folder() {
    path_ = (std::filesystem::temp_directory_path() / "retail_year_test.XXXXXX").string();
    if (mkdtemp(path_.data()) == nullptr) abort();
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  std::string Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
    return Path(name);
  }
  std::string WriteGz(const std::string& name, const std::string& text) const {
    gzFile file = gzopen(Path(name).c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    return Path(name);
  }

 private:
  std::string path_;
};

#endif  // RETAILSYNC_TESTS_EXAMPLES_RETAIL_YEAR_INPUT_H_
