// The books: every row that was read is found again, posted or set aside.
#ifndef RETAIL_YEAR_AUDIT_H_
#define RETAIL_YEAR_AUDIT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "erp.h"
#include "retailsync/engine/dead_letters.h"
#include "retailsync/spi/policy.h"

namespace retail_year {

struct Books {
  uint64_t rows = 0;
  uint64_t invoices = 0;          // different numbers
  uint64_t rows_documents = 0;    // found in the ERP as lines of orders and credit notes
  uint64_t rows_corrections = 0;  // found there as lines of stock movements
  uint64_t rows_repeated = 0;     // of invoices that the files hold more than once, word for word
  std::map<std::string, uint64_t> rows_aside;  // by reason, found in the dead letters
  uint64_t rows_held_back = 0;                 // of invoices that a broken file did not complete
  uint64_t rows_missing = 0;                   // found nowhere: there should be none
  std::vector<std::string> missing;            // the first of what was not found, for people

  uint64_t RowsAside() const;
  bool Balance() const;
};

// Reads the files once more, from the beginning, and looks up what became of every row: in the ERP
// itself, and in the dead letters. It asks nothing of the engine's bookkeeping but these.
absl::StatusOr<Books> CloseBooks(const std::vector<std::string>& files, Erp& erp,
                                 const retailsync::DeadLetters& letters,
                                 const retailsync::Principal& by);

}  // namespace retail_year

#endif  // RETAIL_YEAR_AUDIT_H_
