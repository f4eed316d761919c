#include "report.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

namespace retail_year {
namespace {

std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      quoted.push_back('\\');
      quoted.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + "\"";
}

std::string Object(const std::map<std::string, uint64_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", Quote(name), count);
  }
  return "{" + text + "}";
}

// 431673 → "431,673".
std::string Grouped(uint64_t number) {
  if (number < 1000) return fmt::format("{}", number);
  return fmt::format("{},{:03}", Grouped(number / 1000), number % 1000);
}

}  // namespace

double Report::ChangesPerSecond() const {
  return seconds > 0 ? static_cast<double>(changes) / seconds : 0;
}

std::map<std::string, uint64_t> Report::Posted() const {
  std::map<std::string, uint64_t> posted;
  for (const auto& [kind, count] : after.entities) {
    auto earlier = before.entities.find(kind);
    posted[kind] = count - (earlier == before.entities.end() ? 0 : earlier->second);
  }
  return posted;
}

std::string ToJson(const Report& report) {
  const Books& books = report.books;
  return fmt::format(
      "{{\"rows\": {}, \"invoices\": {}, \"posted\": {}, \"set_aside\": {}, "
      "\"duplicates_suppressed\": {}, \"unknown_resolved\": {}, \"erp_total\": {}, "
      "\"seconds\": {:.3f}, \"changes_per_second\": {:.1f}, \"changes\": {}, \"retried\": {}, "
      "\"rows_documents\": {}, \"rows_corrections\": {}, \"rows_repeated\": {}, "
      "\"rows_held_back\": {}, \"rows_missing\": {}, \"books_balance\": {}, \"erp\": {}, "
      "\"erp_lines\": {}, \"erp_defects\": {}, \"store_file\": {}, \"erp_file\": {}, "
      "\"problem\": {}}}\n",
      books.rows, books.invoices, Object(report.Posted()), Object(books.rows_aside),
      report.duplicates_suppressed, report.unknown_resolved, Quote(Text(report.after.total)),
      report.seconds, report.ChangesPerSecond(), report.changes, report.retried,
      books.rows_documents, books.rows_corrections, books.rows_repeated, books.rows_held_back,
      books.rows_missing, books.Balance() ? "true" : "false", Object(report.after.entities),
      report.after.document_lines, report.after.defects, Quote(report.store), Quote(report.erp),
      report.problem.empty() ? "null" : Quote(report.problem));
}

std::string ToText(const Report& report) {
  const Books& books = report.books;
  std::string text = fmt::format("\nRead      {} rows, {} invoices\n", Grouped(books.rows),
                                 Grouped(books.invoices));
  std::string posted;
  for (const auto& [kind, count] : report.Posted()) {
    if (count > 0) {
      posted += fmt::format("            {:<16} {:>10}\n", kind, Grouped(count));
    }
  }
  text += posted.empty() ? "Posted    nothing: the ERP had it all\n"
                         : "Posted    into the ERP, new in this run:\n" + posted;
  text += fmt::format("ERP       {} orders, {} credit notes, {} lines, total {} GBP\n",
                      Grouped(report.after.entities.at("order")),
                      Grouped(report.after.entities.at("credit_note")),
                      Grouped(report.after.document_lines), Text(report.after.total));
  text += fmt::format("Set aside {} rows{}\n", Grouped(books.RowsAside()),
                      books.rows_aside.empty() ? "" : ", each with its reason:");
  for (const auto& [reason, rows] : books.rows_aside) {
    text += fmt::format("            {:<28} {:>8}\n", reason, Grouped(rows));
  }
  text += fmt::format(
      "Engine    {} changes in {:.1f} s ({} a second); {} duplicates suppressed, {} attempts "
      "retried,\n          {} unknown outcomes resolved by asking the ERP\n",
      Grouped(report.changes), report.seconds,
      Grouped(static_cast<uint64_t>(report.ChangesPerSecond())),
      Grouped(report.duplicates_suppressed), Grouped(report.retried),
      Grouped(report.unknown_resolved));
  if (books.rows_repeated > 0) {
    text += fmt::format("Repeated  {} rows stand in the files more than once\n",
                        Grouped(books.rows_repeated));
  }
  if (books.Balance()) {
    text += fmt::format(
        "Books     balance: {} rows read = {} on documents + {} on stock corrections + {} repeated "
        "+ {} set aside{}\n",
        Grouped(books.rows), Grouped(books.rows_documents), Grouped(books.rows_corrections),
        Grouped(books.rows_repeated), Grouped(books.RowsAside()),
        books.rows_held_back > 0
            ? fmt::format(" + {} held back until their file is whole", books.rows_held_back)
            : std::string());
  } else {
    text += fmt::format("Books     DO NOT BALANCE: {} rows were found nowhere, among them:\n",
                        books.rows_missing);
    for (const std::string& what : books.missing) text += "            " + what + "\n";
  }
  if (report.after.defects > 0) {
    text +=
        fmt::format("ERP       recorded {} DEFECTS: SELECT * FROM defect\n", report.after.defects);
  }
  text += fmt::format("Files     {} (what the engine remembers), {} (the ERP)\n", report.store,
                      report.erp);
  if (!report.problem.empty()) {
    text += fmt::format(
        "Stopped   {}\n          Everything before it is safe; run again with the whole file to go "
        "on.\n",
        report.problem);
  }
  return text;
}

}  // namespace retail_year
