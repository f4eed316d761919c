// Texts that several steps of the schema have in common. What a step makes of them is part of it:
// they are never changed.
#ifndef RETAILSYNC_SRC_STORE_SQLITE_SCHEMA_TEXT_H_
#define RETAILSYNC_SRC_STORE_SQLITE_SCHEMA_TEXT_H_

// The text of a column in microseconds since 1970; NULL for the infinite ones.
#define TIME_OF(column)                                                                       \
  "CASE WHEN " column " > -9223372036854775807 AND " column                                   \
  " < 9223372036854775807 THEN "                                                              \
  "strftime('%Y-%m-%dT%H:%M:%S', (" column " - (((" column                                    \
  " % 1000000) + 1000000) % 1000000)) / 1000000, 'unixepoch') || printf('.%06dZ', (((" column \
  " % 1000000) + 1000000) % 1000000)) END"

#define NAME_OF_TYPE(column)                                                       \
  "CASE " column                                                                   \
  " WHEN 1 THEN 'product' WHEN 2 THEN 'price' WHEN 3 THEN 'inventory_level' "      \
  "WHEN 4 THEN 'inventory_adjustment' WHEN 5 THEN 'order' WHEN 6 THEN 'customer' " \
  "WHEN 7 THEN 'fulfilment' WHEN 8 THEN 'return' WHEN 9 THEN 'payment' "           \
  "WHEN 10 THEN 'ledger_posting' ELSE 'unspecified' END"

// The journal row `j` made its record.
#define IS_FIRST "j.record = j.seq AND j.version = 1 AND j.disposition = 1"

#endif  // RETAILSYNC_SRC_STORE_SQLITE_SCHEMA_TEXT_H_
