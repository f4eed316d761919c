#include "treatment.h"

#include "examples/retail_year/input.h"
#include "retailsync/model/v1/validation.h"
#include "support/catch.h"

using namespace retail_year;  // NOLINT: the tests speak of nothing else
namespace v1 = retailsync::model::v1;

namespace {

std::vector<Invoice> Read(const std::string& rows, std::string* error = nullptr) {
  Folder folder;
  InvoiceReader reader({folder.Write("a.csv", kHeaderLine + rows)});
  std::vector<Invoice> invoices;
  Invoice invoice;
  while (reader.Read(invoice) == InvoiceReader::Next::kInvoice) invoices.push_back(invoice);
  if (error != nullptr) *error = reader.error();
  return invoices;
}

Treatment TreatOne(const std::string& rows) {
  auto invoices = Read(rows);
  REQUIRE(invoices.size() == 1);
  Treatment treatment = Treat(invoices[0]);
  CHECK(treatment.rows_document + treatment.rows_correction + treatment.rows_aside ==
        invoices[0].rows.size());
  for (const Statement& statement : treatment.statements) {
    CHECK(Describe(retailsync::Validate(statement.entity)) == "");
  }
  if (treatment.document) CHECK(Describe(retailsync::Validate(*treatment.document)) == "");
  for (const v1::Entity& movement : treatment.movements) {
    CHECK(Describe(retailsync::Validate(movement)) == "");
  }
  return treatment;
}

std::string ReasonOf(const std::string& rows) {
  Treatment treatment = TreatOne(rows);
  REQUIRE(treatment.asides.size() == 1);
  CHECK(treatment.asides[0].reason.find("a.csv line 2") != std::string::npos);
  return ParseAsideId(treatment.asides[0].id).value().reason;
}

}  // namespace

TEST_CASE("A sale is an order with its lines, its total, and the goods it moves") {
  Treatment t = TreatOne(
      "536365,85123a,HEART,6,2010-12-01 08:27:00,2.55,17850.0,United Kingdom\n"
      "536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
      "536365,POST,POSTAGE,1,2010-12-01 08:26:00,18.001,17850.0,United Kingdom\n"
      "536365,22961,GIFT,1,2010-12-01 08:26:00,0.0,17850.0,United Kingdom\n");
  REQUIRE(t.document);
  const v1::Order& order = t.document->order();
  CHECK(order.number() == "536365");
  CHECK(order.customer().key() == "17850");
  REQUIRE(order.lines_size() == 4);
  CHECK(order.lines(0).product().key() == "85123A");
  CHECK(order.lines(3).position() == 4);
  CHECK(Text(t.total) == "48.601");
  CHECK(FromMoney(order.total().shop()) == t.total);
  CHECK(t.at == absl::FromUnixSeconds(order.placed_at().seconds()));
  CHECK(absl::FormatTime("%H:%M", t.at, absl::UTCTimeZone()) == "08:26");
  REQUIRE(t.movements.size() == 1);
  CHECK(t.movements[0].inventory_adjustment().lines_size() == 3);
  CHECK(FromPieces(t.movements[0].inventory_adjustment().lines(0).quantity()) == -6);
  // Three products, one price on the account list (a service and a gift have none), one customer.
  CHECK(t.statements.size() == 5);
}

TEST_CASE("What an invoice says has a version, also before 1970, and a later one has a higher") {
  const auto version = [](const std::string& date) {
    return TreatOne("536365,85123A,HEART,6," + date + ",2.55,17850.0,United Kingdom\n").version;
  };
  CHECK(version("0001-01-01 00:00:00") > 0);
  CHECK(version("1969-12-31 23:59:59") > version("1950-06-01 12:00:00"));
  CHECK(version("1970-01-01 00:00:00") > version("1969-12-31 23:59:59"));
  CHECK(version("9999-12-31 23:59:59") > version("2010-12-01 08:26:00"));
}

TEST_CASE("A cancellation is a credit note that names no order") {
  Treatment t = TreatOne(
      "C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527.0,United Kingdom\n"
      "C536379,22087,BUNTING,-12,2010-12-01 09:41:00,2.95,14527.0,United Kingdom\n");
  REQUIRE(t.document);
  const v1::Return& credit = t.document->return_case();
  CHECK(credit.kind() == v1::RETURN_KIND_REFUND);
  CHECK_FALSE(credit.has_order());
  CHECK(FromPieces(credit.lines(1).quantity()) == 12);
  CHECK(Text(t.total) == "-62.90");
  CHECK(Text(FromMoney(credit.total().shop())) == "62.90");
  REQUIRE(t.movements.size() == 1);
  CHECK(FromPieces(t.movements[0].inventory_adjustment().lines(0).quantity()) == 12);
  CHECK(TreatOne("C1,D,Discount,-1,2010-12-01 09:41:00,27.5,14527.0,EIRE\n")
            .document->return_case()
            .kind() == v1::RETURN_KIND_CREDIT);
}

TEST_CASE("Rows without money correct the stock, or are set aside when they are about no goods") {
  Treatment lost = TreatOne("536589,21777,damages,-10,2010-12-01 16:50:00,0.0,,United Kingdom\n");
  CHECK_FALSE(lost.document);
  REQUIRE(lost.movements.size() == 1);
  const v1::InventoryAdjustment& movement = lost.movements[0].inventory_adjustment();
  CHECK(movement.number() == "536589-STOCK");
  CHECK(movement.reason() == v1::ADJUSTMENT_REASON_LOSS);
  CHECK(FromPieces(movement.lines(0).quantity()) == -10);
  CHECK(movement.lines(0).note() == "damages");
  Treatment found = TreatOne("1,21777,found,10,2010-12-01 16:50:00,0.0,,United Kingdom\n");
  CHECK(found.movements.at(0).inventory_adjustment().reason() == v1::ADJUSTMENT_REASON_FOUND);
  // With a customer it is a gift, and so it is beside something that was paid.
  CHECK(TreatOne("1,21777,G,10,2010-12-01 16:50:00,0.0,17850.0,EIRE\n").document);
  CHECK(TreatOne("1,21777,G,1,2010-12-01 16:50:00,0.0,,EIRE\n"
                 "1,21778,P,1,2010-12-01 16:50:00,1.0,,EIRE\n")
            .rows_document == 2);
  CHECK(ReasonOf("1,POST,,1000,2010-12-01 16:50:00,0.0,,EIRE\n") == aside::kNothingToPost);
}

TEST_CASE("A sale and a write-off on one invoice are posted as both") {
  Treatment t = TreatOne(
      "1,21777,SOLD,2,2010-12-01 16:50:00,1.5,,EIRE\n"
      "1,21778,broken,-1,2010-12-01 16:50:00,0.0,,EIRE\n");
  CHECK(t.rows_document == 1);
  CHECK(t.rows_correction == 1);
  REQUIRE(t.movements.size() == 2);
  CHECK(t.movements[1].inventory_adjustment().number() == "1-STOCK");
}

TEST_CASE("What is neither sale nor credit is set aside with its reason and its raw rows") {
  const std::string rest = ",2010-12-01 16:50:00,1.5,17850.0,EIRE\n";
  CHECK(ReasonOf("A1,B,Adjust bad debt,1" + rest) == aside::kBadDebtAdjustment);
  CHECK(ReasonOf("1,21777,X,-1" + rest) == aside::kMixedSigns);
  CHECK(ReasonOf("C1,21777,X,1" + rest) == aside::kMixedSigns);
  CHECK(ReasonOf("1,21777,X,1,2010-12-01 16:50:00,-0.01,,EIRE\n") == aside::kNegativePrice);
  CHECK(ReasonOf("1,21777,X,1" + rest + "1,21777,X,1,2010-12-01 16:50:00,1.5,17851.0,EIRE\n") ==
        aside::kRowsDisagree);
  CHECK(ReasonOf("1,21777,X,one" + rest) == aside::kInvoiceWithUnreadableRow);
  CHECK(ReasonOf("B1,21777,X,1" + rest) == aside::kUnreadableRow);
  Treatment t = TreatOne("1,21777,X,1" + rest + "1,21777\n");
  REQUIRE(t.asides.size() == 1);
  CHECK(t.asides[0].raw == "1,21777,X,1" + rest + "1,21777\n");
  CHECK(t.asides[0].reason.find("columns") != std::string::npos);
  CHECK(ParseAsideId(t.asides[0].id)->rows == 2);
}

TEST_CASE("Each field that breaks its rule is named") {
  auto problem = [](const std::string& row) {
    auto invoices = Read(row + "\n");
    return invoices.at(0).rows.at(0).problem;
  };
  auto starts = [&](const std::string& row, const std::string& field) {
    INFO(row << " → " << problem(row));
    CHECK(problem(row).compare(0, field.size() + 1, field + ":") == 0);
  };
  CHECK(problem("1,A,B,1,2010-12-01 16:50:00,1.5,17850.0,EIRE") == "");
  starts("x,A,B,1,2010-12-01 16:50:00,1.5,17850.0,EIRE", "InvoiceNo");
  starts("1, ,B,1,2010-12-01 16:50:00,1.5,17850.0,EIRE", "StockCode");
  starts("1,A,B,0,2010-12-01 16:50:00,1.5,17850.0,EIRE", "Quantity");
  starts("1,A,B,10000001,2010-12-01 16:50:00,1.5,17850.0,EIRE", "Quantity");
  starts("1,A,B,1,2011-02-29 16:50:00,1.5,17850.0,EIRE", "InvoiceDate");
  starts("1,A,B,1,2010-12-01 24:50:00,1.5,17850.0,EIRE", "InvoiceDate");
  starts("1,A,B,1,2010-12-01 16:50:00,1.5.0,17850.0,EIRE", "UnitPrice");
  starts("1,A,B,1,2010-12-01 16:50:00,10000000.01,17850.0,EIRE", "UnitPrice");
  starts("1,A,B,1,2010-12-01 16:50:00,1.5,17850.5,EIRE", "CustomerID");
  starts("1,A,B,1,2010-12-01 16:50:00,1.5,17850.0,", "Country");
  starts("1,A,\xFF,1,2010-12-01 16:50:00,1.5,17850.0,EIRE", "row");
  starts("1,A,B", "row");
}

TEST_CASE("Invoices that interrupt each other are each whole; too far apart they are two") {
  const std::string a = "1,A,X,1,2010-12-01 16:50:00,1.5,,EIRE\n";
  const std::string b = "2,A,X,1,2010-12-01 16:50:00,1.5,,EIRE\n";
  auto invoices = Read(a + b + a + b);
  REQUIRE(invoices.size() == 2);
  CHECK(invoices[0].number == "1");
  CHECK(invoices[0].rows.size() == 2);
  std::string others;
  for (uint64_t i = 0; i + 1 < kInvoiceGapRows; ++i) others += b;
  CHECK(Read(a + others + a).size() == 2);
  CHECK(Read(a + others + b + a).size() == 3);
}

TEST_CASE("An invoice without end does not fill the memory") {
  std::string rows;
  for (size_t i = 0; i < kInvoiceRowsMax + 500; ++i) {
    rows += "1,A,X,1,2010-12-01 16:50:00,1.5,,EIRE\n";
  }
  auto invoices = Read(rows + "2,A,X,1,2010-12-01 16:50:00,1.5,,EIRE\n");
  size_t read = 0;
  for (const Invoice& invoice : invoices) {
    read += invoice.rows.size();
    if (invoice.number == "2") continue;
    CHECK_FALSE(Treat(invoice).document);
  }
  CHECK(invoices.back().number == "2");
  CHECK(read == kInvoiceRowsMax + 501);
}
