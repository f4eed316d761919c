#include "store/sqlite/schema_steps.h"
#include "store/sqlite/schema_text.h"

namespace retailsync::store::sqlite {

// Rows of records and lanes are appended first, and sorted in later (recent_rows.h). The views put
// the newest of either together. Where a view needs them for each row of a large one they are
// joined or listed, which SQLite does once for a query, and not looked for row by row: a table of
// recent rows has no index over their keys.

#define LANE_COLUMNS                                                                    \
  "record, target, route, domain, state, owed_since, done, acknowledged, external_id, " \
  "remote_version, attempt_version, attempts, probes, owed_at, due_at, note"

#define DELIVERY_COLUMNS                                                                  \
  "target, domain, route, record, state, done, acknowledged, attempt_version, attempts, " \
  "probes, owed_since, owed_at, due_at, note"

// The lanes that have a recent row, to be joined: (record, target) NOT IN would look at all of them
// for each row, because SQLite allows for rows of which only a part is NULL.
#define RECENT_LANES \
  "(SELECT DISTINCT record AS recent_record, target AS recent_target FROM lane_recent)"

// The lane of journal row `j` at stream `s` has no row; with RECENT_LANES joined.
#define HAS_NO_LANE_ROW                                                                  \
  "NOT EXISTS (SELECT 1 FROM lane AS l WHERE l.record = j.seq AND l.target = s.target) " \
  "AND recent_record IS NULL"

const char kSchemaStep6[] =
    R"sql(
CREATE TABLE record_recent (
  place INTEGER PRIMARY KEY,
  id INTEGER NOT NULL,
  type INTEGER NOT NULL,
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  head INTEGER NOT NULL,
  digest BLOB NOT NULL,
  deleted INTEGER NOT NULL,
  provenance BLOB NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE lane_recent (
  place INTEGER PRIMARY KEY,
  record INTEGER NOT NULL,
  target INTEGER NOT NULL,
  route INTEGER NOT NULL,
  domain INTEGER NOT NULL,
  state INTEGER NOT NULL,
  owed_since INTEGER NOT NULL,
  done INTEGER NOT NULL,
  acknowledged INTEGER NOT NULL,
  acknowledged_digest BLOB NOT NULL,
  base INTEGER NOT NULL,
  base_is_payload INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  remote_version TEXT NOT NULL,
  attempt_version INTEGER NOT NULL,
  attempt_seq INTEGER NOT NULL,
  attempt_digest BLOB NOT NULL,
  attempts INTEGER NOT NULL,
  probes INTEGER NOT NULL,
  resends INTEGER NOT NULL,
  first_attempt_at INTEGER NOT NULL,
  owed_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  note TEXT NOT NULL,
  settled INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

DROP VIEW record_now;
DROP VIEW delivery_now;
DROP VIEW changes;
DROP VIEW records;
DROP VIEW links;
DROP VIEW deliveries;
DROP VIEW dead_letters;

CREATE VIEW record_newest AS
SELECT id, type, key, version, head, deleted, max(place) AS place FROM record_recent GROUP BY id;

CREATE VIEW record_now AS
SELECT id, type, key, version, head, deleted FROM record_newest
UNION ALL
SELECT id, type, key, version, head, deleted FROM record
  WHERE id NOT IN (SELECT id FROM record_recent)
UNION ALL
SELECT j.seq, j.type, j.key, 1, j.seq, 0 FROM journal AS j
  WHERE )sql" IS_FIRST R"sql( AND NOT EXISTS (SELECT 1 FROM record WHERE id = j.seq)
    AND j.seq NOT IN (SELECT id FROM record_recent);

CREATE VIEW lane_now AS
SELECT )sql" LANE_COLUMNS R"sql(
  FROM (SELECT )sql" LANE_COLUMNS R"sql(, max(place) FROM lane_recent GROUP BY record, target)
UNION ALL
SELECT )sql" LANE_COLUMNS R"sql( FROM lane
  LEFT JOIN )sql" RECENT_LANES R"sql( ON recent_record = record AND recent_target = target
  WHERE recent_record IS NULL;

CREATE VIEW delivery_now AS
SELECT )sql" DELIVERY_COLUMNS R"sql(
  FROM lane_now WHERE state <> 0
UNION ALL
SELECT s.target, s.domain, s.route, j.seq, 1, 0, 0, 0, 0, 0, j.seq, j.received_at,
    -9223372036854775808, ''
  FROM stream AS s JOIN journal AS j ON j.seq > s.claimed_through
  LEFT JOIN )sql" RECENT_LANES R"sql( ON recent_record = j.seq AND recent_target = s.target
  WHERE s.ready > 0 AND ',' || j.owed || ',' LIKE '%,' || s.id || ',%'
    AND )sql" HAS_NO_LANE_ROW R"sql(
UNION ALL
SELECT s.target, s.domain, s.route, j.seq, 2, 0, 0, 1, 1, 0, j.seq, j.received_at,
    json_extract(f.value, '$[3]'), ''
  FROM stream AS s, json_each(s.flights) AS f
  JOIN journal AS j
    ON j.seq BETWEEN json_extract(f.value, '$[0]') AND json_extract(f.value, '$[1]')
  LEFT JOIN )sql" RECENT_LANES R"sql( ON recent_record = j.seq AND recent_target = s.target
  WHERE ',' || j.owed || ',' LIKE '%,' || s.id || ',%'
    AND )sql" HAS_NO_LANE_ROW R"sql(;

CREATE VIEW changes AS
SELECT j.seq AS seq, s.name AS system, j.change_id AS change_id,
    )sql" NAME_OF_TYPE("j.type") R"sql( AS type,
    j.external_id AS external_id,
    CASE j.operation
      WHEN 1 THEN 'upsert' WHEN 2 THEN 'patch' WHEN 3 THEN 'delete'
      ELSE 'unspecified' END AS operation,
    CASE j.disposition
      WHEN 1 THEN 'merged' WHEN 2 THEN 'no change' WHEN 3 THEN 'echo'
      WHEN 4 THEN 'stale' WHEN 5 THEN 'refused' WHEN 6 THEN 'set aside'
      ELSE '?' END AS disposition,
    nullif(j.record, 0) AS record,
    coalesce(n.key, r.key, (SELECT f.key FROM journal AS f WHERE f.seq = j.record)) AS key,
    j.version AS version,
    )sql" TIME_OF("j.received_at") R"sql( AS received_at,
    )sql" TIME_OF("j.occurred_at") R"sql( AS occurred_at,
    length(j.payload) AS payload_bytes
  FROM journal AS j
  LEFT JOIN name AS s ON s.id = j.system
  LEFT JOIN record AS r ON r.id = j.record
  LEFT JOIN record_newest AS n ON n.id = j.record;

CREATE VIEW records AS
SELECT r.id AS id, )sql" NAME_OF_TYPE("r.type") R"sql( AS type,
    r.key AS key, r.version AS version, r.head AS head, r.deleted AS deleted,
    s.name AS changed_by, )sql" TIME_OF("j.received_at") R"sql( AS changed_at
  FROM record_now AS r
  LEFT JOIN journal AS j ON j.seq = r.head
  LEFT JOIN name AS s ON s.id = j.system;

CREATE VIEW links AS
SELECT CASE l.system WHEN 0 THEN '(business key)' ELSE s.name END AS system,
    )sql" NAME_OF_TYPE("l.type") R"sql( AS type, l.external_id AS external_id, l.record AS record,
    coalesce(n.key, r.key, (SELECT key FROM journal WHERE seq = l.record)) AS key
  FROM link_now AS l
  LEFT JOIN name AS s ON s.id = l.system
  LEFT JOIN record AS r ON r.id = l.record
  LEFT JOIN record_newest AS n ON n.id = l.record;

CREATE VIEW deliveries AS
SELECT t.name AS target, d.name AS domain, o.name AS route,
    )sql" NAME_OF_TYPE("coalesce(n.type, r.type, f.type)") R"sql( AS type,
    coalesce(n.key, r.key, f.key) AS key, l.record AS record,
    CASE l.state
      WHEN 1 THEN 'ready' WHEN 2 THEN 'in flight' WHEN 3 THEN 'retry'
      WHEN 4 THEN 'unknown' WHEN 5 THEN 'waiting'
      ELSE '?' END AS state,
    coalesce(n.version, r.version, 1) AS version, l.done AS done,
    l.acknowledged AS acknowledged,
    l.attempt_version AS attempt_version, l.attempts AS attempts, l.probes AS probes,
    l.owed_since AS owed_since, )sql" TIME_OF("l.owed_at") R"sql( AS owed_at,
    )sql" TIME_OF("l.due_at") R"sql( AS due_at, l.note AS note
  FROM delivery_now AS l
  LEFT JOIN name AS t ON t.id = l.target
  LEFT JOIN name AS d ON d.id = l.domain
  LEFT JOIN name AS o ON o.id = l.route
  LEFT JOIN record AS r ON r.id = l.record
  LEFT JOIN record_newest AS n ON n.id = l.record
  LEFT JOIN journal AS f ON f.seq = l.record;

CREATE VIEW dead_letters AS
SELECT dl.id AS id,
    CASE dl.state
      WHEN 1 THEN 'open' WHEN 2 THEN 'requeued' WHEN 3 THEN 'discarded'
      WHEN 4 THEN 'resolved'
      ELSE '?' END AS state,
    CASE dl.kind
      WHEN 1 THEN 'change' WHEN 2 THEN 'delivery'
      ELSE '?' END AS kind,
    dl.reason AS reason, dl.message AS message, s.name AS system, o.name AS route,
    )sql" NAME_OF_TYPE("dl.type") R"sql( AS type,
    coalesce(n.key, r.key, (SELECT key FROM journal WHERE seq = nullif(dl.record, 0))) AS key,
    nullif(dl.record, 0) AS record, dl.version AS version, nullif(dl.seq, 0) AS seq,
    dl.change_id AS change_id, dl.external_id AS external_id, dl.attempts AS attempts,
    )sql" TIME_OF("dl.created_at") R"sql( AS created_at,
    )sql" TIME_OF("dl.closed_at") R"sql( AS closed_at,
    dl.history AS history
  FROM dead_letter AS dl
  LEFT JOIN name AS s ON s.id = dl.system
  LEFT JOIN name AS o ON o.id = dl.route
  LEFT JOIN record AS r ON r.id = dl.record
  LEFT JOIN record_newest AS n ON n.id = dl.record;

UPDATE about SET meaning = 'The canonical entities that have changed since they were made, without what was written lately: see record_recent. One that has not changed is its first journal row. All of them: record_now.'
  WHERE name = 'record';
UPDATE about SET meaning = 'For a record and a target: what the target holds, and how far the delivery that is owed has come, without what was written lately: see lane_recent. All of them: lane_now. A delivery that goes as it should has no row: see stream.'
  WHERE name = 'lane';
UPDATE about SET meaning = 'All records: the newest row of record_recent or record, or the first journal row that stands for one.'
  WHERE name = 'record_now';
UPDATE about SET meaning = 'All that is owed: rows of lane_now that are not idle, and what streams owe.'
  WHERE name = 'delivery_now';
INSERT INTO about(name, kind, meaning) VALUES
('record_recent', 'table', 'Rows of record in the order in which they were written, until they are sorted in. The last one of a record counts, and before the one in table record.'),
('lane_recent', 'table', 'Rows of lane in the order in which they were written, until they are sorted in. The last one of a record and target counts, and before the one in table lane.'),
('record_recent.place', 'column', 'The order: 1, 2, 3 and so on; begins again when the store is opened.'),
('lane_recent.place', 'column', 'The order: 1, 2, 3 and so on; begins again when the store is opened.'),
('record_recent.checksum', 'column', 'CRC-32 of the other columns but the place; times 2 to the power of 32, that of the place and the key is added.'),
('lane_recent.checksum', 'column', 'CRC-32 of the other columns but the place; times 2 to the power of 32, that of the place and the key is added.'),
('record_newest', 'view', 'The last row of record_recent for each record that has one.'),
('record_newest.place', 'column', 'As record_recent.place.'),
('lane_now', 'view', 'All lanes: the newest row of lane_recent or lane.');
INSERT INTO about(name, kind, meaning)
SELECT v.name || '.' || c.name, 'column', 'As ' || v.base || '.' || c.name || '.'
  FROM (SELECT 'record_recent' AS name, 'record' AS base UNION ALL SELECT 'lane_recent', 'lane'
    UNION ALL SELECT 'record_newest', 'record' UNION ALL SELECT 'lane_now', 'lane') AS v,
    pragma_table_info(v.name) AS c
  WHERE c.name NOT IN ('place', 'checksum');
)sql";

#undef HAS_NO_LANE_ROW
#undef RECENT_LANES
#undef DELIVERY_COLUMNS
#undef LANE_COLUMNS

}  // namespace retailsync::store::sqlite
