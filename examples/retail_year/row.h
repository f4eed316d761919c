// From a CSV record to a row.
#ifndef RETAIL_YEAR_ROW_H_
#define RETAIL_YEAR_ROW_H_

#include "csv_reader.h"
#include "invoice_reader.h"

namespace retail_year {

// Every field is checked; the first that breaks its rule is named in Row.problem, with the rule.
// Row.invoice is set whenever the first field is a readable invoice number.
Row ParseRow(const CsvRecord& record);

}  // namespace retail_year

#endif  // RETAIL_YEAR_ROW_H_
