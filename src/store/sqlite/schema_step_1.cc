#include "store/sqlite/schema_steps.h"

namespace retailsync::store::sqlite {

// Keys follow arrival, so that writes are at the end of their trees. What is large comes last, so
// that the rest of a row is read without it.
const char kSchemaStep1[] = R"sql(
CREATE TABLE about (
  name TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  meaning TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE name (
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE cursor (
  system INTEGER PRIMARY KEY,
  cursor TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  system INTEGER NOT NULL,
  change_id TEXT NOT NULL,
  type INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  operation INTEGER NOT NULL,
  source_version INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  occurred_at INTEGER NOT NULL,
  content BLOB NOT NULL,
  disposition INTEGER NOT NULL,
  record INTEGER NOT NULL,
  version INTEGER NOT NULL,
  previous INTEGER NOT NULL,
  fields TEXT NOT NULL,
  traceparent TEXT NOT NULL,
  checksum INTEGER NOT NULL,
  payload BLOB NOT NULL,
  merged BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX journal_change ON journal(system, change_id);

CREATE TABLE record (
  id INTEGER PRIMARY KEY,
  type INTEGER NOT NULL,
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  head INTEGER NOT NULL,
  digest BLOB NOT NULL,
  deleted INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  provenance BLOB NOT NULL
) STRICT;

CREATE TABLE link (
  system INTEGER NOT NULL,
  type INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  record INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY (system, type, external_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_record ON link(record);

CREATE TABLE lane (
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
  checksum INTEGER NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (record, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX lane_ready ON lane(target, domain, owed_since, record) WHERE state = 1;
CREATE INDEX lane_delayed ON lane(target, domain, due_at, record, state) WHERE state > 1;

CREATE TABLE dead_letter (
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  state INTEGER NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  system INTEGER NOT NULL,
  route INTEGER NOT NULL,
  type INTEGER NOT NULL,
  record INTEGER NOT NULL,
  version INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  change_id TEXT NOT NULL,
  external_id TEXT NOT NULL,
  content_is_raw INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  closed_at INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  history TEXT NOT NULL,
  content BLOB NOT NULL
) STRICT;
CREATE INDEX dead_letter_state ON dead_letter(state);
CREATE INDEX dead_letter_record ON dead_letter(record);

INSERT INTO about(name, kind, meaning) VALUES
('about', 'table', 'What every table, view and column of this database means.'),
('about.name', 'column', 'A table, a view, or a column as table.column.'),
('about.kind', 'column', 'table, view or column.'),
('about.meaning', 'column', 'What it holds.'),

('meta', 'table', 'Numbers that cannot be derived from the rows.'),
('meta.name', 'column',
 'latest_time: the latest time the engine saw, in microseconds since 1970. last_seq and last_dead_letter: numbers up to here were used, also when the rows have expired.'),
('meta.value', 'column', 'The number.'),
('meta.checksum', 'column', 'CRC-32 of the other columns.'),

('name', 'table', 'The names of systems, routes and domains, which other tables refer to by number.'),
('name.id', 'column', 'The number; never reused.'),
('name.kind', 'column', '1 system, 2 route, 3 domain.'),
('name.name', 'column', 'The name the host gave it.'),
('name.checksum', 'column', 'CRC-32 of the other columns.'),

('cursor', 'table', 'How far each source has been read.'),
('cursor.system', 'column', 'The source, as name.id.'),
('cursor.cursor', 'column', 'Where to go on, in the words of the source.'),
('cursor.checksum', 'column', 'CRC-32 of the other columns.'),

('journal', 'table', 'Every accepted change, in the order of acceptance; also the record versions that were made.'),
('journal.seq', 'column', 'The position: 1, 2, 3 and so on.'),
('journal.system', 'column', 'The system that said it, as name.id.'),
('journal.change_id', 'column', 'That system''s own id for saying it. The same id is the same change.'),
('journal.type', 'column',
 'The entity type: 1 product, 2 price, 3 inventory_level, 4 inventory_adjustment, 5 order, 6 customer, 7 fulfilment, 8 return, 9 payment, 10 ledger_posting.'),
('journal.external_id', 'column', 'What that system calls the entity.'),
('journal.operation', 'column', '1 upsert, 2 patch, 3 delete.'),
('journal.source_version', 'column', 'The source''s own version number, 0 when it has none.'),
('journal.received_at', 'column', 'When it was accepted, in microseconds since 1970 (UTC).'),
('journal.occurred_at', 'column', 'When it happened, by the source''s clock, in microseconds since 1970 (UTC); the least number when the source did not say.'),
('journal.content', 'column', 'Digest of the change, to recognise the same id with other content.'),
('journal.disposition', 'column', 'What became of it: 1 merged, 2 no change, 3 echo of our own write, 4 stale, 5 refused because of ownership, 6 set aside as a dead letter.'),
('journal.record', 'column', 'The record it is about, as record.id; 0 when none.'),
('journal.version', 'column', 'The record''s version after it.'),
('journal.previous', 'column', 'The seq of the version before; 0 when none.'),
('journal.fields', 'column', 'The field paths of a patch, one a line.'),
('journal.traceparent', 'column', 'W3C trace context.'),
('journal.checksum', 'column', 'CRC-32 of the other columns.'),
('journal.payload', 'column', 'The entity as the source said it, as a serialised retailsync.model.v1.Entity.'),
('journal.merged', 'column', 'The record''s body after it, where that is not the payload.'),

('record', 'table', 'The canonical entities. The body of one is in the journal row it names as its head.'),
('record.id', 'column', 'The record''s number, in the order of first sight.'),
('record.type', 'column', 'The entity type, see journal.type.'),
('record.key', 'column', 'What the business calls it: a SKU, an order number; empty when it has no such key.'),
('record.version', 'column', 'The newest version.'),
('record.head', 'column', 'The journal row with the newest version, as journal.seq.'),
('record.digest', 'column', 'Digest of the body.'),
('record.deleted', 'column', '1 when it was deleted.'),
('record.checksum', 'column', 'CRC-32 of the other columns.'),
('record.provenance', 'column', 'Which system wrote which field, as a serialised retailsync.model.v1.Provenance.'),

('link', 'table', 'What each system calls each record.'),
('link.system', 'column', 'The system, as name.id; 0 for the retailer''s own business keys.'),
('link.type', 'column', 'The entity type, see journal.type.'),
('link.external_id', 'column', 'What the system calls it.'),
('link.record', 'column', 'The record, as record.id.'),
('link.checksum', 'column', 'CRC-32 of the other columns.'),

('lane', 'table', 'For each record and target: what the target holds, and how far the delivery that is owed has come.'),
('lane.record', 'column', 'The record, as record.id.'),
('lane.target', 'column', 'The system that receives it, as name.id.'),
('lane.route', 'column', 'The route, as name.id.'),
('lane.domain', 'column', 'The domain whose share of the target it uses, as name.id.'),
('lane.state', 'column', '0 idle (nothing is owed), 1 ready, 2 in flight, 3 retry, 4 unknown, 5 waiting for another entity.'),
('lane.owed_since', 'column', 'The journal row that made it owe; ready lanes are sent in this order.'),
('lane.done', 'column', 'Versions of the record up to here are settled.'),
('lane.acknowledged', 'column', 'The version the target is known to hold; 0 for none.'),
('lane.acknowledged_digest', 'column', 'Digest of what the target is known to hold.'),
('lane.base', 'column', 'The journal row with that content.'),
('lane.base_is_payload', 'column', '1 when the target said that content itself: its payload counts, not the merged body.'),
('lane.external_id', 'column', 'What the target calls the entity.'),
('lane.remote_version', 'column', 'The version in the target''s own words, for conditional writes.'),
('lane.attempt_version', 'column', 'The version that is being delivered.'),
('lane.attempt_seq', 'column', 'The journal row with that version.'),
('lane.attempt_digest', 'column', 'Digest of what was sent.'),
('lane.attempts', 'column', 'How often it was sent.'),
('lane.probes', 'column', 'How often the target was asked since the last attempt.'),
('lane.resends', 'column', 'How often a person or a reconciliation ordered it again; part of the idempotency key.'),
('lane.first_attempt_at', 'column', 'When it was sent first, in microseconds since 1970 (UTC); the least number for never.'),
('lane.owed_at', 'column', 'Since when it is owed, in microseconds since 1970 (UTC).'),
('lane.due_at', 'column', 'When it is looked at again, in microseconds since 1970 (UTC).'),
('lane.checksum', 'column', 'CRC-32 of the other columns.'),
('lane.note', 'column', 'The last error, or what it waits for.'),

('dead_letter', 'table', 'Changes and deliveries that were set aside, with why and all that is needed to run them again.'),
('dead_letter.id', 'column', 'The letter''s number.'),
('dead_letter.kind', 'column', '1 change, 2 delivery.'),
('dead_letter.state', 'column', '1 open, 2 requeued, 3 discarded, 4 resolved.'),
('dead_letter.reason', 'column', 'Why, as a short name.'),
('dead_letter.message', 'column', 'Why, for people.'),
('dead_letter.system', 'column', 'The source of the change or the target of the delivery, as name.id.'),
('dead_letter.route', 'column', 'The route, as name.id.'),
('dead_letter.type', 'column', 'The entity type, see journal.type.'),
('dead_letter.record', 'column', 'The record, as record.id; 0 when none.'),
('dead_letter.version', 'column', 'The version that was to be delivered.'),
('dead_letter.seq', 'column', 'The journal row it is about, as journal.seq; 0 when none.'),
('dead_letter.change_id', 'column', 'The source''s id of the change.'),
('dead_letter.external_id', 'column', 'What the system calls the entity.'),
('dead_letter.content_is_raw', 'column', '1 when content is what the source sent, which could not be read.'),
('dead_letter.attempts', 'column', 'How often it was sent.'),
('dead_letter.created_at', 'column', 'When it was set aside, in microseconds since 1970 (UTC).'),
('dead_letter.closed_at', 'column', 'When it was closed, in microseconds since 1970 (UTC); the greatest number while it is open.'),
('dead_letter.checksum', 'column', 'CRC-32 of the other columns.'),
('dead_letter.history', 'column', 'One line for each attempt or operation.'),
('dead_letter.content', 'column', 'A change: the serialised retailsync.model.v1.Change, or the raw input. A delivery: an edited entity, or empty.');
)sql";

}  // namespace retailsync::store::sqlite
