#include "sample.h"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <random>
#include <string_view>

namespace retail_year {
namespace {

constexpr int kInvoicesPerMonth = 400;

struct Article {
  const char* code;
  const char* title;
  const char* price;
};
constexpr std::array<Article, 12> kArticles = {{
    {"85123A", "WHITE HANGING HEART T-LIGHT HOLDER", "2.55"},
    {"71053", "WHITE METAL LANTERN", "3.39"},
    {"84406B", "CREAM CUPID HEARTS COAT HANGER", "2.75"},
    {"22752", "SET 7 BABUSHKA NESTING BOXES", "7.65"},
    {"21730", "GLASS STAR FROSTED T-LIGHT HOLDER", "4.25"},
    {"22633", "HAND WARMER UNION JACK", "1.85"},
    {"84879", "ASSORTED COLOUR BIRD ORNAMENT", "1.69"},
    {"22961", "JAM MAKING SET PRINTED", "1.45"},
    {"21166", "COOK WITH WINE METAL SIGN ", "1.95"},
    {"82486", "\"AIRLINE LOUNGE,METAL SIGN\"", "2.1"},
    {"DCGS0003", "\"RECORD FRAME 7\"\" SINGLE SIZE \"", "12.5"},
    {"gift_0001_20", "Dotcomgiftshop Gift Voucher £20.00", "16.67"},
}};
constexpr std::array<const char*, 5> kCountries = {"United Kingdom", "Germany", "EIRE", "France",
                                                   "Channel Islands"};

// The untidy cases, one line each; %D stands for the month, as in "2009-11".
constexpr std::string_view kUntidyFirst =
    // A cancellation of a sale it does not name, with a discount that is no goods.
    "C489449,22087,PAPER BUNTING WHITE LACE,-12,%D-02 10:33:00,2.95,16321.0,Australia\n"
    "C489449,D,Discount,-1,%D-02 10:33:00,27.5,16321.0,Australia\n"
    // Adjusts bad debt, at a price below 0 too.
    "A506401,B,Adjust bad debt,1,%D-03 13:36:00,-53594.36,,United Kingdom\n"
    "A506402,B,Adjust bad debt,1,%D-03 13:37:00,11062.06,,United Kingdom\n"
    // Write-offs, and stock that was found.
    "489464,21733,85123a mixed,-96,%D-03 10:52:00,0.0,,United Kingdom\n"
    "489463,71053,damages,-24,%D-03 10:53:00,0.0,,United Kingdom\n"
    "489465,22633,,300,%D-03 10:54:00,0.0,,United Kingdom\n"
    "489466,POST,,1000,%D-03 10:55:00,0.0,,United Kingdom\n"
    // Two invoices that interrupt each other, one with times a minute apart.
    "489500,22752,SET 7 BABUSHKA NESTING BOXES,2,%D-04 11:19:00,7.65,12836.0,United Kingdom\n"
    "489501,21730,GLASS STAR FROSTED T-LIGHT HOLDER,6,%D-04 11:19:00,4.25,,United Kingdom\n"
    "489501,DOT,DOTCOM POSTAGE,1,%D-04 11:19:00,569.77,,United Kingdom\n"
    "489500,84879,ASSORTED COLOUR BIRD ORNAMENT,32,%D-04 11:20:00,1.69,12836.0,United Kingdom\n"
    // A line repeated word for word; the same code in the other case; three decimals; a gift.
    "489502,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,%D-04 12:00:00,2.55,17850.0,Germany\n"
    "489502,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,%D-04 12:00:00,2.55,17850.0,Germany\n"
    "489502,85123a,CREAM HANGING HEART T-LIGHT HOLDER,1,%D-04 12:00:00,2.95,17850.0,Germany\n"
    "489502,PADS,PADS TO MATCH ALL CUSHIONS,1,%D-04 12:00:00,0.001,17850.0,Germany\n"
    "489502,22961,JAM MAKING SET PRINTED,1,%D-04 12:00:00,0.0,17850.0,Germany\n"
    "489502,POST,POSTAGE,3,%D-04 12:00:00,18.0,17850.0,Germany\n"
    // No customer, no description.
    "489503,22195,,4,%D-04 12:30:00,1.65,,EIRE\n"
    "489503,M,Manual,1,%D-04 12:30:00,0.42,,EIRE\n";
constexpr std::string_view kUntidySecond =
    // The same customer in another country; fees that are no goods.
    "493410,22633,HAND WARMER OWL DESIGN,12,%D-05 09:00:00,2.1,17850.0,EIRE\n"
    "493410,C2,CARRIAGE,1,%D-05 09:00:00,50.0,17850.0,EIRE\n"
    "C493411,AMAZONFEE,AMAZON FEE,-1,%D-05 09:10:00,13541.33,,United Kingdom\n"
    "C493412,BANK CHARGES,Bank Charges,-1,%D-05 09:12:00,767.99,,United Kingdom\n"
    "493413,85123A,?,-5,%D-05 09:20:00,0.0,,United Kingdom\n";

// One ordinary invoice of one to twelve lines; now and then a credit.
std::string Invoice(int number, std::string_view time, std::mt19937_64& random) {
  std::string text;
  bool credit = random() % 8 == 0;
  bool guest = random() % 4 == 0;
  auto customer = static_cast<unsigned>(12346 + random() % 40);
  const char* country = kCountries[customer % kCountries.size()];
  std::string who = guest ? "" : fmt::format("{}.0", customer);
  uint64_t lines = 1 + random() % 12;
  for (uint64_t i = 0; i < lines; ++i) {
    const Article& article = kArticles[random() % kArticles.size()];
    auto quantity = static_cast<int>(1 + random() % 48);
    // Those without a number pay another price.
    const char* price = guest && article.price[0] == '2' ? "4.95" : article.price;
    text += fmt::format("{}{},{},{},{},{},{},{},{}\n", credit ? "C" : "", number, article.code,
                        article.title, credit ? -quantity : quantity, time, price, who,
                        guest ? "United Kingdom" : country);
  }
  return text;
}

std::string Month(const std::string& month, int first_number, std::string_view untidy) {
  std::mt19937_64 random(static_cast<uint64_t>(first_number));
  std::string text =
      "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
  for (size_t i = 0; i < untidy.size(); ++i) {
    if (untidy.substr(i, 2) == "%D") {
      text += month;
      ++i;
    } else {
      text.push_back(untidy[i]);
    }
  }
  for (int i = 0; i < kInvoicesPerMonth; ++i) {
    std::string time =
        fmt::format("{}-{:02} {:02}:{:02}:00", month, 6 + i / 20, 8 + i % 20 / 2, i % 2 * 30);
    text += Invoice(first_number + i, time, random);
  }
  return text;
}

absl::Status WriteGz(const std::string& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  if (file == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
  }
  int written = gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  int closed = gzclose(file);
  if (written != static_cast<int>(text.size()) || closed != Z_OK) {
    return absl::ResourceExhaustedError(fmt::format("{}: cannot be written whole", path));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> MakeSample(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::FailedPreconditionError(
        fmt::format("{}: cannot be made: {}", folder, error.message()));
  }
  std::vector<std::string> files = {folder + "/2009-11.csv.gz", folder + "/2009-12.csv.gz"};
  absl::Status status = WriteGz(files[0], Month("2009-11", 490000, kUntidyFirst));
  if (status.ok()) status = WriteGz(files[1], Month("2009-12", 494000, kUntidySecond));
  if (!status.ok()) return status;
  return files;
}

}  // namespace retail_year
