#include "store/sqlite/schema_steps.h"
#include "store/sqlite/schema_text.h"

namespace retailsync::store::sqlite {

// What goes as it should has no row of its own: a journal row that made a record stands for its
// record, its links and its lanes. The views put both together.

const char kSchemaStep3[] =
    R"sql(
ALTER TABLE journal ADD COLUMN said BLOB NOT NULL DEFAULT x'';
ALTER TABLE journal ADD COLUMN key TEXT NOT NULL DEFAULT '';
ALTER TABLE journal ADD COLUMN owed TEXT NOT NULL DEFAULT '';
ALTER TABLE lane ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;

CREATE TABLE stream (
  id INTEGER PRIMARY KEY,
  target INTEGER NOT NULL,
  route INTEGER NOT NULL,
  domain INTEGER NOT NULL,
  claimed_through INTEGER NOT NULL,
  ready INTEGER NOT NULL,
  flights TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

DROP VIEW records;
DROP VIEW links;
DROP VIEW deliveries;
DROP VIEW changes;
DROP VIEW dead_letters;

CREATE VIEW record_now AS
SELECT id, type, key, version, head, deleted FROM record
UNION ALL
SELECT j.seq, j.type, j.key, 1, j.seq, 0 FROM journal AS j
  WHERE )sql" IS_FIRST R"sql( AND NOT EXISTS (SELECT 1 FROM record WHERE id = j.seq);

CREATE VIEW link_now AS
SELECT system, type, external_id, record FROM link
UNION ALL
SELECT j.system, j.type, j.external_id, j.seq FROM journal AS j
  WHERE )sql" IS_FIRST R"sql( AND NOT EXISTS (SELECT 1 FROM link AS l WHERE l.system = j.system
    AND l.type = j.type AND l.external_id = j.external_id)
UNION ALL
SELECT 0, j.type, j.key, j.seq FROM journal AS j
  WHERE )sql" IS_FIRST R"sql( AND j.key <> '' AND NOT EXISTS (SELECT 1 FROM link AS l
    WHERE l.system = 0 AND l.type = j.type AND l.external_id = j.key);

CREATE VIEW delivery_now AS
SELECT target, domain, route, record, state, done, acknowledged, attempt_version, attempts,
    probes, owed_since, owed_at, due_at, note
  FROM lane WHERE state <> 0
UNION ALL
SELECT s.target, s.domain, s.route, j.seq, 1, 0, 0, 0, 0, 0, j.seq, j.received_at,
    -9223372036854775808, ''
  FROM stream AS s JOIN journal AS j ON j.seq > s.claimed_through
  WHERE s.ready > 0 AND ',' || j.owed || ',' LIKE '%,' || s.id || ',%'
    AND NOT EXISTS (SELECT 1 FROM lane AS l WHERE l.record = j.seq AND l.target = s.target)
UNION ALL
SELECT s.target, s.domain, s.route, j.seq, 2, 0, 0, 1, 1, 0, j.seq, j.received_at,
    json_extract(f.value, '$[3]'), ''
  FROM stream AS s, json_each(s.flights) AS f
  JOIN journal AS j
    ON j.seq BETWEEN json_extract(f.value, '$[0]') AND json_extract(f.value, '$[1]')
  WHERE ',' || j.owed || ',' LIKE '%,' || s.id || ',%'
    AND NOT EXISTS (SELECT 1 FROM lane AS l WHERE l.record = j.seq AND l.target = s.target);

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
    coalesce(r.key, (SELECT f.key FROM journal AS f WHERE f.seq = j.record)) AS key,
    j.version AS version,
    )sql" TIME_OF("j.received_at") R"sql( AS received_at,
    )sql" TIME_OF("j.occurred_at") R"sql( AS occurred_at,
    length(j.payload) AS payload_bytes
  FROM journal AS j
  LEFT JOIN name AS s ON s.id = j.system
  LEFT JOIN record AS r ON r.id = j.record;

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
    coalesce((SELECT key FROM record WHERE id = l.record),
             (SELECT key FROM journal WHERE seq = l.record)) AS key
  FROM link_now AS l
  LEFT JOIN name AS s ON s.id = l.system;

CREATE VIEW deliveries AS
SELECT t.name AS target, d.name AS domain, o.name AS route,
    )sql" NAME_OF_TYPE("coalesce(r.type, f.type)") R"sql( AS type,
    coalesce(r.key, f.key) AS key, l.record AS record,
    CASE l.state
      WHEN 1 THEN 'ready' WHEN 2 THEN 'in flight' WHEN 3 THEN 'retry'
      WHEN 4 THEN 'unknown' WHEN 5 THEN 'waiting'
      ELSE '?' END AS state,
    coalesce(r.version, 1) AS version, l.done AS done, l.acknowledged AS acknowledged,
    l.attempt_version AS attempt_version, l.attempts AS attempts, l.probes AS probes,
    l.owed_since AS owed_since, )sql" TIME_OF("l.owed_at") R"sql( AS owed_at,
    )sql" TIME_OF("l.due_at") R"sql( AS due_at, l.note AS note
  FROM delivery_now AS l
  LEFT JOIN name AS t ON t.id = l.target
  LEFT JOIN name AS d ON d.id = l.domain
  LEFT JOIN name AS o ON o.id = l.route
  LEFT JOIN record AS r ON r.id = l.record
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
    coalesce(r.key, (SELECT key FROM journal WHERE seq = nullif(dl.record, 0))) AS key,
    nullif(dl.record, 0) AS record, dl.version AS version, nullif(dl.seq, 0) AS seq,
    dl.change_id AS change_id, dl.external_id AS external_id, dl.attempts AS attempts,
    )sql" TIME_OF("dl.created_at") R"sql( AS created_at,
    )sql" TIME_OF("dl.closed_at") R"sql( AS closed_at,
    dl.history AS history
  FROM dead_letter AS dl
  LEFT JOIN name AS s ON s.id = dl.system
  LEFT JOIN name AS o ON o.id = dl.route
  LEFT JOIN record AS r ON r.id = dl.record;

UPDATE about SET meaning = 'The canonical entities that have changed since they were made. One that has not is its first journal row: see record_now.'
  WHERE name = 'record';
UPDATE about SET meaning = 'The record''s number: the seq of the journal row that made it.'
  WHERE name = 'record.id';
UPDATE about SET meaning = 'Which system wrote which field, as a serialised retailsync.model.v1.Provenance; empty when the change at the head said all of it.'
  WHERE name = 'record.provenance';
UPDATE about SET meaning = 'What each system calls each record, besides what the record''s first journal row says: see link_now.'
  WHERE name = 'link';
UPDATE about SET meaning = 'For a record and a target: what the target holds, and how far the delivery that is owed has come. A delivery that goes as it should has no row here: see stream.'
  WHERE name = 'lane';
UPDATE about SET meaning = 'Digest of the change as releases before schema version 3 made it; empty since.'
  WHERE name = 'journal.content';
UPDATE about SET meaning = 'What is owed to the targets.' WHERE name = 'deliveries';
INSERT INTO about(name, kind, meaning) VALUES
('journal.said', 'column', 'Digest of the change, to recognise the same id with other content; empty when an older release wrote it.'),
('journal.key', 'column', 'Where it made its record: the record''s business key.'),
('journal.owed', 'column', 'Where it made its record: the streams that owe it, as stream.id, separated by commas.'),
('lane.settled', 'column', 'Versions after done and up to here are settled too, except for those that a person ordered again.'),
('stream', 'table', 'The deliveries one route makes in one domain of its target, as far as they are of records'' first versions and go as they should. A first version that has a row in lane is not counted here.'),
('stream.id', 'column', 'The number; never that of a name.'),
('stream.target', 'column', 'The system that receives it, as name.id.'),
('stream.route', 'column', 'The route, as name.id.'),
('stream.domain', 'column', 'The domain whose share of the target it uses, as name.id.'),
('stream.claimed_through', 'column', 'First versions up to this journal.seq were sent: those in no flight are at the target. Those beyond are ready.'),
('stream.ready', 'column', 'So many are ready.'),
('stream.flights', 'column', 'First versions that may be under way, as a JSON list of [from, to, sent at, to be asked about at]: journal.seq twice, microseconds since 1970 twice.'),
('stream.checksum', 'column', 'CRC-32 of the other columns.'),
('record_now', 'view', 'All records: rows of record, and first journal rows that stand for one.'),
('record_now.id', 'column', 'As record.id.'),
('record_now.type', 'column', 'As record.type.'),
('record_now.key', 'column', 'As record.key.'),
('record_now.version', 'column', 'As record.version.'),
('record_now.head', 'column', 'As record.head.'),
('record_now.deleted', 'column', 'As record.deleted.'),
('link_now', 'view', 'All links: rows of link, and those that first journal rows stand for.'),
('link_now.system', 'column', 'As link.system.'),
('link_now.type', 'column', 'As link.type.'),
('link_now.external_id', 'column', 'As link.external_id.'),
('link_now.record', 'column', 'As link.record.'),
('delivery_now', 'view', 'All that is owed: rows of lane that are not idle, and what streams owe.'),
('delivery_now.target', 'column', 'As lane.target.'),
('delivery_now.domain', 'column', 'As lane.domain.'),
('delivery_now.route', 'column', 'As lane.route.'),
('delivery_now.record', 'column', 'As lane.record.'),
('delivery_now.state', 'column', 'As lane.state.'),
('delivery_now.done', 'column', 'As lane.done.'),
('delivery_now.acknowledged', 'column', 'As lane.acknowledged.'),
('delivery_now.attempt_version', 'column', 'As lane.attempt_version.'),
('delivery_now.attempts', 'column', 'As lane.attempts.'),
('delivery_now.probes', 'column', 'As lane.probes.'),
('delivery_now.owed_since', 'column', 'As lane.owed_since.'),
('delivery_now.owed_at', 'column', 'As lane.owed_at.'),
('delivery_now.due_at', 'column', 'As lane.due_at.'),
('delivery_now.note', 'column', 'As lane.note.');
)sql";

}  // namespace retailsync::store::sqlite
