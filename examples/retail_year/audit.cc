#include "audit.h"

#include <fmt/format.h>

#include <optional>
#include <unordered_map>
#include <utility>

#include "invoice_reader.h"
#include "retailsync/base/digest.h"
#include "treatment.h"

namespace retail_year {
namespace {

using retailsync::EntityType;

constexpr size_t kMissingMax = 10;
constexpr int kPage = 1000;

// What was set aside: change ids, and the entities of deliveries, with the reason.
class Asides {
 public:
  absl::Status Read(const retailsync::DeadLetters& letters, const retailsync::Principal& by) {
    retailsync::DeadLetterQuery query;
    query.state = std::nullopt;
    query.rows_max = kPage;
    while (true) {
      absl::StatusOr<std::vector<retailsync::DeadLetter>> page = letters.List(query, by);
      if (!page.ok()) return page.status();
      for (const retailsync::DeadLetter& letter : *page) {
        query.after_id = letter.row.id;
        if (letter.row.kind == retailsync::DeadLetterKind::kChange) {
          // A contradiction is filed under an id of its own; the change in it has the one it was
          // told with.
          const std::string& told = letter.change.id();
          reasons_[told.empty() ? letter.row.change_id : told] = letter.row.reason;
        } else {
          reasons_[DeliveryName(retailsync::TypeOf(letter.entity),
                                retailsync::BusinessKey(letter.entity))] = letter.row.reason;
        }
      }
      if (page->size() < static_cast<size_t>(kPage)) return absl::OkStatus();
    }
  }

  // Why the change, or the delivery it led to, was set aside; null when neither was.
  const std::string* Find(const std::string& change_id, EntityType type,
                          const std::string& number) const {
    auto found = reasons_.find(change_id);
    if (found == reasons_.end()) found = reasons_.find(DeliveryName(type, number));
    return found == reasons_.end() ? nullptr : &found->second;
  }

 private:
  static std::string DeliveryName(EntityType type, const std::string& number) {
    return fmt::format("\n{}/{}", retailsync::Name(type), number);
  }
  std::unordered_map<std::string, std::string> reasons_;
};

retailsync::Digest DigestOfRows(const Invoice& invoice) {
  std::string text;
  for (const Row& row : invoice.rows) text += row.raw + "\n";
  return retailsync::DigestOf(text);
}

class Audit {
 public:
  Audit(Erp& erp, const Asides& asides) : erp_(erp), asides_(asides) {}

  absl::Status Check(const Invoice& invoice) {
    Treatment treatment = Treat(invoice);
    bool repeated = false;
    bool contradicts = false;
    if (!invoice.number.empty()) {
      auto [known, first] = seen_.try_emplace(invoice.number, DigestOfRows(invoice));
      if (first) {
        ++books.invoices;
      } else {
        contradicts = known->second != DigestOfRows(invoice);
        repeated = !contradicts;
      }
    }
    if (repeated) {
      books.rows_repeated += invoice.rows.size();
      return absl::OkStatus();
    }
    for (const retailsync::RejectedInput& reject : treatment.asides) {
      AsideId id = ParseAsideId(reject.id).value_or(AsideId{});
      if (asides_.Find(reject.id, reject.type, reject.id) != nullptr) {
        books.rows_aside[id.reason] += id.rows;
      } else {
        Miss(id.rows, reject.reason);
      }
    }
    absl::Status status = CheckDocument(treatment, contradicts);
    for (const auto& movement : treatment.movements) {
      if (status.ok()) {
        status = CheckMovement(treatment, movement.inventory_adjustment(), contradicts);
      }
    }
    return status;
  }

  Books books;

 private:
  void Miss(uint64_t rows, const std::string& what) {
    books.rows_missing += rows;
    if (books.missing.size() < kMissingMax) books.missing.push_back(what);
  }

  absl::Status CheckDocument(const Treatment& treatment, bool contradicts) {
    if (!treatment.document.has_value()) return absl::OkStatus();
    EntityType type = retailsync::TypeOf(*treatment.document);
    std::string kind = type == EntityType::kReturn ? "credit_note" : "order";
    absl::StatusOr<std::optional<PostedDocument>> posted = erp_.FindDocument(treatment.number);
    if (!posted.ok()) return posted.status();
    bool there = posted->has_value() && (*posted)->kind == kind &&
                 (*posted)->lines == treatment.rows_document &&
                 (*posted)->total == Text(treatment.total);
    const std::string* reason =
        asides_.Find(fmt::format("{}/{}", kind, treatment.number), type, treatment.number);
    Enter(there, contradicts, reason, treatment.rows_document, books.rows_documents,
          fmt::format("{} {}", kind, treatment.number));
    return absl::OkStatus();
  }

  absl::Status CheckMovement(const Treatment& treatment,
                             const retailsync::model::v1::InventoryAdjustment& movement,
                             bool contradicts) {
    // The movement of a sale or a credit has no rows of its own.
    bool correction = movement.number() == CorrectionNumber(treatment.number);
    uint64_t rows = correction ? treatment.rows_correction : 0;
    absl::StatusOr<std::optional<uint64_t>> posted = erp_.FindMovement(movement.number());
    if (!posted.ok()) return posted.status();
    const std::string* reason = asides_.Find(fmt::format("movement/{}", movement.number()),
                                             EntityType::kInventoryAdjustment, movement.number());
    Enter(*posted == static_cast<uint64_t>(movement.lines_size()), contradicts, reason, rows,
          books.rows_corrections, fmt::format("stock movement {}", movement.number()));
    return absl::OkStatus();
  }

  // Of an invoice that contradicts an earlier one of its number, what is in the ERP is the earlier
  // one's; a part that says the same is a repetition, and what differs has been set aside.
  void Enter(bool there, bool contradicts, const std::string* reason, uint64_t rows,
             uint64_t& posted, const std::string& what) {
    if (there && !contradicts) {
      posted += rows;
    } else if (reason != nullptr) {
      if (rows > 0) books.rows_aside[*reason] += rows;
    } else if (there) {
      books.rows_repeated += rows;
    } else {
      Miss(rows, what);
    }
  }

  Erp& erp_;
  const Asides& asides_;
  std::unordered_map<std::string, retailsync::Digest> seen_;
};

}  // namespace

uint64_t Books::RowsAside() const {
  uint64_t sum = 0;
  for (const auto& [reason, count] : rows_aside) sum += count;
  return sum;
}

bool Books::Balance() const {
  return missing.empty() &&
         rows == rows_documents + rows_corrections + rows_repeated + RowsAside() + rows_held_back;
}

absl::StatusOr<Books> CloseBooks(const std::vector<std::string>& files, Erp& erp,
                                 const retailsync::DeadLetters& letters,
                                 const retailsync::Principal& by) {
  Asides asides;
  if (absl::Status status = asides.Read(letters, by); !status.ok()) return status;
  Audit audit(erp, asides);
  InvoiceReader reader(files);
  Invoice invoice;
  while (reader.Read(invoice) == InvoiceReader::Next::kInvoice) {
    if (absl::Status status = audit.Check(invoice); !status.ok()) return status;
  }
  audit.books.rows = reader.rows();
  audit.books.rows_held_back = reader.rows_held_back();
  return std::move(audit.books);
}

}  // namespace retail_year
