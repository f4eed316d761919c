#include "store/sqlite/schema_steps.h"

namespace retailsync::store::sqlite {

const char kSchemaStep2[] = R"sql(
CREATE INDEX dead_letter_open ON dead_letter(seq) WHERE state = 1;
CREATE INDEX dead_letter_closed ON dead_letter(closed_at) WHERE state <> 1;
CREATE INDEX dead_letter_change ON dead_letter(system, change_id);
CREATE INDEX dead_letter_entity ON dead_letter(system, external_id);

CREATE VIEW changes AS
SELECT j.seq AS seq, s.name AS system, j.change_id AS change_id,
    CASE j.type
      WHEN 1 THEN 'product' WHEN 2 THEN 'price' WHEN 3 THEN 'inventory_level'
      WHEN 4 THEN 'inventory_adjustment' WHEN 5 THEN 'order' WHEN 6 THEN 'customer'
      WHEN 7 THEN 'fulfilment' WHEN 8 THEN 'return' WHEN 9 THEN 'payment'
      WHEN 10 THEN 'ledger_posting'
      ELSE 'unspecified' END AS type,
    j.external_id AS external_id,
    CASE j.operation
      WHEN 1 THEN 'upsert' WHEN 2 THEN 'patch' WHEN 3 THEN 'delete'
      ELSE 'unspecified' END AS operation,
    CASE j.disposition
      WHEN 1 THEN 'merged' WHEN 2 THEN 'no change' WHEN 3 THEN 'echo'
      WHEN 4 THEN 'stale' WHEN 5 THEN 'refused' WHEN 6 THEN 'set aside'
      ELSE '?' END AS disposition,
    nullif(j.record, 0) AS record, r.key AS key, j.version AS version,
    CASE WHEN j.received_at > -9223372036854775807 AND j.received_at < 9223372036854775807 THEN
      strftime('%Y-%m-%dT%H:%M:%S', (j.received_at - (((j.received_at % 1000000) + 1000000) % 1000000)) / 1000000, 'unixepoch')
      || printf('.%06dZ', (((j.received_at % 1000000) + 1000000) % 1000000)) END AS received_at,
    CASE WHEN j.occurred_at > -9223372036854775807 AND j.occurred_at < 9223372036854775807 THEN
      strftime('%Y-%m-%dT%H:%M:%S', (j.occurred_at - (((j.occurred_at % 1000000) + 1000000) % 1000000)) / 1000000, 'unixepoch')
      || printf('.%06dZ', (((j.occurred_at % 1000000) + 1000000) % 1000000)) END AS occurred_at,
    length(j.payload) AS payload_bytes
  FROM journal AS j
  LEFT JOIN name AS s ON s.id = j.system
  LEFT JOIN record AS r ON r.id = j.record;

CREATE VIEW records AS
SELECT r.id AS id,
    CASE r.type
      WHEN 1 THEN 'product' WHEN 2 THEN 'price' WHEN 3 THEN 'inventory_level'
      WHEN 4 THEN 'inventory_adjustment' WHEN 5 THEN 'order' WHEN 6 THEN 'customer'
      WHEN 7 THEN 'fulfilment' WHEN 8 THEN 'return' WHEN 9 THEN 'payment'
      WHEN 10 THEN 'ledger_posting'
      ELSE 'unspecified' END AS type,
    r.key AS key, r.version AS version, r.head AS head, r.deleted AS deleted,
    s.name AS changed_by,
    CASE WHEN j.received_at > -9223372036854775807 AND j.received_at < 9223372036854775807 THEN
      strftime('%Y-%m-%dT%H:%M:%S', (j.received_at - (((j.received_at % 1000000) + 1000000) % 1000000)) / 1000000, 'unixepoch')
      || printf('.%06dZ', (((j.received_at % 1000000) + 1000000) % 1000000)) END AS changed_at
  FROM record AS r
  LEFT JOIN journal AS j ON j.seq = r.head
  LEFT JOIN name AS s ON s.id = j.system;

CREATE VIEW links AS
SELECT CASE l.system WHEN 0 THEN '(business key)' ELSE s.name END AS system,
    CASE l.type
      WHEN 1 THEN 'product' WHEN 2 THEN 'price' WHEN 3 THEN 'inventory_level'
      WHEN 4 THEN 'inventory_adjustment' WHEN 5 THEN 'order' WHEN 6 THEN 'customer'
      WHEN 7 THEN 'fulfilment' WHEN 8 THEN 'return' WHEN 9 THEN 'payment'
      WHEN 10 THEN 'ledger_posting'
      ELSE 'unspecified' END AS type,
    l.external_id AS external_id, l.record AS record, r.key AS key
  FROM link AS l
  LEFT JOIN name AS s ON s.id = l.system
  LEFT JOIN record AS r ON r.id = l.record;

CREATE VIEW deliveries AS
SELECT t.name AS target, d.name AS domain, o.name AS route,
    CASE r.type
      WHEN 1 THEN 'product' WHEN 2 THEN 'price' WHEN 3 THEN 'inventory_level'
      WHEN 4 THEN 'inventory_adjustment' WHEN 5 THEN 'order' WHEN 6 THEN 'customer'
      WHEN 7 THEN 'fulfilment' WHEN 8 THEN 'return' WHEN 9 THEN 'payment'
      WHEN 10 THEN 'ledger_posting'
      ELSE 'unspecified' END AS type,
    r.key AS key, l.record AS record,
    CASE l.state
      WHEN 1 THEN 'ready' WHEN 2 THEN 'in flight' WHEN 3 THEN 'retry'
      WHEN 4 THEN 'unknown' WHEN 5 THEN 'waiting'
      ELSE '?' END AS state,
    r.version AS version, l.done AS done, l.acknowledged AS acknowledged,
    l.attempt_version AS attempt_version, l.attempts AS attempts, l.probes AS probes,
    l.owed_since AS owed_since,
    CASE WHEN l.owed_at > -9223372036854775807 AND l.owed_at < 9223372036854775807 THEN
      strftime('%Y-%m-%dT%H:%M:%S', (l.owed_at - (((l.owed_at % 1000000) + 1000000) % 1000000)) / 1000000, 'unixepoch')
      || printf('.%06dZ', (((l.owed_at % 1000000) + 1000000) % 1000000)) END AS owed_at,
    CASE WHEN l.due_at > -9223372036854775807 AND l.due_at < 9223372036854775807 THEN
      strftime('%Y-%m-%dT%H:%M:%S', (l.due_at - (((l.due_at % 1000000) + 1000000) % 1000000)) / 1000000, 'unixepoch')
      || printf('.%06dZ', (((l.due_at % 1000000) + 1000000) % 1000000)) END AS due_at,
    l.note AS note
  FROM lane AS l
  LEFT JOIN name AS t ON t.id = l.target
  LEFT JOIN name AS d ON d.id = l.domain
  LEFT JOIN name AS o ON o.id = l.route
  LEFT JOIN record AS r ON r.id = l.record
  WHERE l.state <> 0;

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
    CASE dl.type
      WHEN 1 THEN 'product' WHEN 2 THEN 'price' WHEN 3 THEN 'inventory_level'
      WHEN 4 THEN 'inventory_adjustment' WHEN 5 THEN 'order' WHEN 6 THEN 'customer'
      WHEN 7 THEN 'fulfilment' WHEN 8 THEN 'return' WHEN 9 THEN 'payment'
      WHEN 10 THEN 'ledger_posting'
      ELSE 'unspecified' END AS type,
    r.key AS key, nullif(dl.record, 0) AS record, dl.version AS version, nullif(dl.seq, 0) AS seq,
    dl.change_id AS change_id, dl.external_id AS external_id, dl.attempts AS attempts,
    CASE WHEN dl.created_at > -9223372036854775807 AND dl.created_at < 9223372036854775807 THEN
      strftime('%Y-%m-%dT%H:%M:%S', (dl.created_at - (((dl.created_at % 1000000) + 1000000) % 1000000)) / 1000000, 'unixepoch')
      || printf('.%06dZ', (((dl.created_at % 1000000) + 1000000) % 1000000)) END AS created_at,
    CASE WHEN dl.closed_at > -9223372036854775807 AND dl.closed_at < 9223372036854775807 THEN
      strftime('%Y-%m-%dT%H:%M:%S', (dl.closed_at - (((dl.closed_at % 1000000) + 1000000) % 1000000)) / 1000000, 'unixepoch')
      || printf('.%06dZ', (((dl.closed_at % 1000000) + 1000000) % 1000000)) END AS closed_at,
    dl.history AS history
  FROM dead_letter AS dl
  LEFT JOIN name AS s ON s.id = dl.system
  LEFT JOIN name AS o ON o.id = dl.route
  LEFT JOIN record AS r ON r.id = dl.record;

INSERT INTO about(name, kind, meaning) VALUES
('changes', 'view', 'The journal with names and times to read.'),
('changes.seq', 'column', 'As journal.seq.'),
('changes.system', 'column', 'The name of the system that said it.'),
('changes.change_id', 'column', 'As journal.change_id.'),
('changes.type', 'column', 'The entity type by name.'),
('changes.external_id', 'column', 'What that system calls the entity.'),
('changes.operation', 'column', 'upsert, patch or delete.'),
('changes.disposition', 'column', 'What became of it.'),
('changes.record', 'column', 'The record, as record.id.'),
('changes.key', 'column', 'The record''s business key.'),
('changes.version', 'column', 'The record''s version after it.'),
('changes.received_at', 'column', 'When it was accepted (UTC).'),
('changes.occurred_at', 'column', 'When it happened, by the source''s clock (UTC); empty when the source did not say.'),
('changes.payload_bytes', 'column', 'How large the entity was.'),
('records', 'view', 'The canonical entities with names and times to read.'),
('records.id', 'column', 'As record.id.'),
('records.type', 'column', 'The entity type by name.'),
('records.key', 'column', 'The business key.'),
('records.version', 'column', 'The newest version.'),
('records.head', 'column', 'The journal row with it.'),
('records.deleted', 'column', '1 when it was deleted.'),
('records.changed_by', 'column', 'The system that changed it last.'),
('records.changed_at', 'column', 'When that was accepted (UTC).'),
('links', 'view', 'What each system calls each record, with names to read.'),
('links.system', 'column', 'The system''s name.'),
('links.type', 'column', 'The entity type by name.'),
('links.external_id', 'column', 'What the system calls it.'),
('links.record', 'column', 'The record, as record.id.'),
('links.key', 'column', 'The record''s business key.'),
('deliveries', 'view', 'The lanes that owe their target something.'),
('deliveries.target', 'column', 'The name of the system that receives it.'),
('deliveries.domain', 'column', 'The domain''s name.'),
('deliveries.route', 'column', 'The route''s name.'),
('deliveries.type', 'column', 'The entity type by name.'),
('deliveries.key', 'column', 'The record''s business key.'),
('deliveries.record', 'column', 'The record, as record.id.'),
('deliveries.state', 'column', 'ready, in flight, retry, unknown or waiting.'),
('deliveries.version', 'column', 'The record''s newest version.'),
('deliveries.done', 'column', 'Versions up to here are settled.'),
('deliveries.acknowledged', 'column', 'The version the target is known to hold.'),
('deliveries.attempt_version', 'column', 'The version that is being delivered.'),
('deliveries.attempts', 'column', 'How often it was sent.'),
('deliveries.probes', 'column', 'How often the target was asked since.'),
('deliveries.owed_since', 'column', 'The journal row that made it owe.'),
('deliveries.owed_at', 'column', 'Since when it is owed (UTC).'),
('deliveries.due_at', 'column', 'When it is looked at again (UTC); empty for at once.'),
('deliveries.note', 'column', 'The last error, or what it waits for.'),
('dead_letters', 'view', 'What was set aside, with names and times to read.'),
('dead_letters.id', 'column', 'As dead_letter.id.'),
('dead_letters.state', 'column', 'open, requeued, discarded or resolved.'),
('dead_letters.kind', 'column', 'change or delivery.'),
('dead_letters.reason', 'column', 'Why, as a short name.'),
('dead_letters.message', 'column', 'Why, for people.'),
('dead_letters.system', 'column', 'The source of the change or the target of the delivery.'),
('dead_letters.route', 'column', 'The route''s name.'),
('dead_letters.type', 'column', 'The entity type by name.'),
('dead_letters.key', 'column', 'The record''s business key.'),
('dead_letters.record', 'column', 'The record, as record.id.'),
('dead_letters.version', 'column', 'The version that was to be delivered.'),
('dead_letters.seq', 'column', 'The journal row it is about.'),
('dead_letters.change_id', 'column', 'The source''s id of the change.'),
('dead_letters.external_id', 'column', 'What the system calls the entity.'),
('dead_letters.attempts', 'column', 'How often it was sent.'),
('dead_letters.created_at', 'column', 'When it was set aside (UTC).'),
('dead_letters.closed_at', 'column', 'When it was closed (UTC); empty while it is open.'),
('dead_letters.history', 'column', 'One line for each attempt or operation.');
)sql";

}  // namespace retailsync::store::sqlite
