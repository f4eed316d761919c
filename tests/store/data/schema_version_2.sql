-- A store of schema version 2, as `sqlite3 sync.db .dump` gives it, with the two numbers of its header.
PRAGMA application_id = 1381258073;
PRAGMA user_version = 2;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE about (
  name TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  meaning TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO about VALUES('about','table','What every table, view and column of this database means.');
INSERT INTO about VALUES('about.kind','column','table, view or column.');
INSERT INTO about VALUES('about.meaning','column','What it holds.');
INSERT INTO about VALUES('about.name','column','A table, a view, or a column as table.column.');
INSERT INTO about VALUES('changes','view','The journal with names and times to read.');
INSERT INTO about VALUES('changes.change_id','column','As journal.change_id.');
INSERT INTO about VALUES('changes.disposition','column','What became of it.');
INSERT INTO about VALUES('changes.external_id','column','What that system calls the entity.');
INSERT INTO about VALUES('changes.key','column','The record''s business key.');
INSERT INTO about VALUES('changes.occurred_at','column','When it happened, by the source''s clock (UTC); empty when the source did not say.');
INSERT INTO about VALUES('changes.operation','column','upsert, patch or delete.');
INSERT INTO about VALUES('changes.payload_bytes','column','How large the entity was.');
INSERT INTO about VALUES('changes.received_at','column','When it was accepted (UTC).');
INSERT INTO about VALUES('changes.record','column','The record, as record.id.');
INSERT INTO about VALUES('changes.seq','column','As journal.seq.');
INSERT INTO about VALUES('changes.system','column','The name of the system that said it.');
INSERT INTO about VALUES('changes.type','column','The entity type by name.');
INSERT INTO about VALUES('changes.version','column','The record''s version after it.');
INSERT INTO about VALUES('cursor','table','How far each source has been read.');
INSERT INTO about VALUES('cursor.checksum','column','CRC-32 of the other columns.');
INSERT INTO about VALUES('cursor.cursor','column','Where to go on, in the words of the source.');
INSERT INTO about VALUES('cursor.system','column','The source, as name.id.');
INSERT INTO about VALUES('dead_letter','table','Changes and deliveries that were set aside, with why and all that is needed to run them again.');
INSERT INTO about VALUES('dead_letter.attempts','column','How often it was sent.');
INSERT INTO about VALUES('dead_letter.change_id','column','The source''s id of the change.');
INSERT INTO about VALUES('dead_letter.checksum','column','CRC-32 of the other columns.');
INSERT INTO about VALUES('dead_letter.closed_at','column','When it was closed, in microseconds since 1970 (UTC); the greatest number while it is open.');
INSERT INTO about VALUES('dead_letter.content','column','A change: the serialised retailsync.model.v1.Change, or the raw input. A delivery: an edited entity, or empty.');
INSERT INTO about VALUES('dead_letter.content_is_raw','column','1 when content is what the source sent, which could not be read.');
INSERT INTO about VALUES('dead_letter.created_at','column','When it was set aside, in microseconds since 1970 (UTC).');
INSERT INTO about VALUES('dead_letter.external_id','column','What the system calls the entity.');
INSERT INTO about VALUES('dead_letter.history','column','One line for each attempt or operation.');
INSERT INTO about VALUES('dead_letter.id','column','The letter''s number.');
INSERT INTO about VALUES('dead_letter.kind','column','1 change, 2 delivery.');
INSERT INTO about VALUES('dead_letter.message','column','Why, for people.');
INSERT INTO about VALUES('dead_letter.reason','column','Why, as a short name.');
INSERT INTO about VALUES('dead_letter.record','column','The record, as record.id; 0 when none.');
INSERT INTO about VALUES('dead_letter.route','column','The route, as name.id.');
INSERT INTO about VALUES('dead_letter.seq','column','The journal row it is about, as journal.seq; 0 when none.');
INSERT INTO about VALUES('dead_letter.state','column','1 open, 2 requeued, 3 discarded, 4 resolved.');
INSERT INTO about VALUES('dead_letter.system','column','The source of the change or the target of the delivery, as name.id.');
INSERT INTO about VALUES('dead_letter.type','column','The entity type, see journal.type.');
INSERT INTO about VALUES('dead_letter.version','column','The version that was to be delivered.');
INSERT INTO about VALUES('dead_letters','view','What was set aside, with names and times to read.');
INSERT INTO about VALUES('dead_letters.attempts','column','How often it was sent.');
INSERT INTO about VALUES('dead_letters.change_id','column','The source''s id of the change.');
INSERT INTO about VALUES('dead_letters.closed_at','column','When it was closed (UTC); empty while it is open.');
INSERT INTO about VALUES('dead_letters.created_at','column','When it was set aside (UTC).');
INSERT INTO about VALUES('dead_letters.external_id','column','What the system calls the entity.');
INSERT INTO about VALUES('dead_letters.history','column','One line for each attempt or operation.');
INSERT INTO about VALUES('dead_letters.id','column','As dead_letter.id.');
INSERT INTO about VALUES('dead_letters.key','column','The record''s business key.');
INSERT INTO about VALUES('dead_letters.kind','column','change or delivery.');
INSERT INTO about VALUES('dead_letters.message','column','Why, for people.');
INSERT INTO about VALUES('dead_letters.reason','column','Why, as a short name.');
INSERT INTO about VALUES('dead_letters.record','column','The record, as record.id.');
INSERT INTO about VALUES('dead_letters.route','column','The route''s name.');
INSERT INTO about VALUES('dead_letters.seq','column','The journal row it is about.');
INSERT INTO about VALUES('dead_letters.state','column','open, requeued, discarded or resolved.');
INSERT INTO about VALUES('dead_letters.system','column','The source of the change or the target of the delivery.');
INSERT INTO about VALUES('dead_letters.type','column','The entity type by name.');
INSERT INTO about VALUES('dead_letters.version','column','The version that was to be delivered.');
INSERT INTO about VALUES('deliveries','view','The lanes that owe their target something.');
INSERT INTO about VALUES('deliveries.acknowledged','column','The version the target is known to hold.');
INSERT INTO about VALUES('deliveries.attempt_version','column','The version that is being delivered.');
INSERT INTO about VALUES('deliveries.attempts','column','How often it was sent.');
INSERT INTO about VALUES('deliveries.domain','column','The domain''s name.');
INSERT INTO about VALUES('deliveries.done','column','Versions up to here are settled.');
INSERT INTO about VALUES('deliveries.due_at','column','When it is looked at again (UTC); empty for at once.');
INSERT INTO about VALUES('deliveries.key','column','The record''s business key.');
INSERT INTO about VALUES('deliveries.note','column','The last error, or what it waits for.');
INSERT INTO about VALUES('deliveries.owed_at','column','Since when it is owed (UTC).');
INSERT INTO about VALUES('deliveries.owed_since','column','The journal row that made it owe.');
INSERT INTO about VALUES('deliveries.probes','column','How often the target was asked since.');
INSERT INTO about VALUES('deliveries.record','column','The record, as record.id.');
INSERT INTO about VALUES('deliveries.route','column','The route''s name.');
INSERT INTO about VALUES('deliveries.state','column','ready, in flight, retry, unknown or waiting.');
INSERT INTO about VALUES('deliveries.target','column','The name of the system that receives it.');
INSERT INTO about VALUES('deliveries.type','column','The entity type by name.');
INSERT INTO about VALUES('deliveries.version','column','The record''s newest version.');
INSERT INTO about VALUES('journal','table','Every accepted change, in the order of acceptance; also the record versions that were made.');
INSERT INTO about VALUES('journal.change_id','column','That system''s own id for saying it. The same id is the same change.');
INSERT INTO about VALUES('journal.checksum','column','CRC-32 of the other columns.');
INSERT INTO about VALUES('journal.content','column','Digest of the change, to recognise the same id with other content.');
INSERT INTO about VALUES('journal.disposition','column','What became of it: 1 merged, 2 no change, 3 echo of our own write, 4 stale, 5 refused because of ownership, 6 set aside as a dead letter.');
INSERT INTO about VALUES('journal.external_id','column','What that system calls the entity.');
INSERT INTO about VALUES('journal.fields','column','The field paths of a patch, one a line.');
INSERT INTO about VALUES('journal.merged','column','The record''s body after it, where that is not the payload.');
INSERT INTO about VALUES('journal.occurred_at','column','When it happened, by the source''s clock, in microseconds since 1970 (UTC); the least number when the source did not say.');
INSERT INTO about VALUES('journal.operation','column','1 upsert, 2 patch, 3 delete.');
INSERT INTO about VALUES('journal.payload','column','The entity as the source said it, as a serialised retailsync.model.v1.Entity.');
INSERT INTO about VALUES('journal.previous','column','The seq of the version before; 0 when none.');
INSERT INTO about VALUES('journal.received_at','column','When it was accepted, in microseconds since 1970 (UTC).');
INSERT INTO about VALUES('journal.record','column','The record it is about, as record.id; 0 when none.');
INSERT INTO about VALUES('journal.seq','column','The position: 1, 2, 3 and so on.');
INSERT INTO about VALUES('journal.source_version','column','The source''s own version number, 0 when it has none.');
INSERT INTO about VALUES('journal.system','column','The system that said it, as name.id.');
INSERT INTO about VALUES('journal.traceparent','column','W3C trace context.');
INSERT INTO about VALUES('journal.type','column','The entity type: 1 product, 2 price, 3 inventory_level, 4 inventory_adjustment, 5 order, 6 customer, 7 fulfilment, 8 return, 9 payment, 10 ledger_posting.');
INSERT INTO about VALUES('journal.version','column','The record''s version after it.');
INSERT INTO about VALUES('lane','table','For each record and target: what the target holds, and how far the delivery that is owed has come.');
INSERT INTO about VALUES('lane.acknowledged','column','The version the target is known to hold; 0 for none.');
INSERT INTO about VALUES('lane.acknowledged_digest','column','Digest of what the target is known to hold.');
INSERT INTO about VALUES('lane.attempt_digest','column','Digest of what was sent.');
INSERT INTO about VALUES('lane.attempt_seq','column','The journal row with that version.');
INSERT INTO about VALUES('lane.attempt_version','column','The version that is being delivered.');
INSERT INTO about VALUES('lane.attempts','column','How often it was sent.');
INSERT INTO about VALUES('lane.base','column','The journal row with that content.');
INSERT INTO about VALUES('lane.base_is_payload','column','1 when the target said that content itself: its payload counts, not the merged body.');
INSERT INTO about VALUES('lane.checksum','column','CRC-32 of the other columns.');
INSERT INTO about VALUES('lane.domain','column','The domain whose share of the target it uses, as name.id.');
INSERT INTO about VALUES('lane.done','column','Versions of the record up to here are settled.');
INSERT INTO about VALUES('lane.due_at','column','When it is looked at again, in microseconds since 1970 (UTC).');
INSERT INTO about VALUES('lane.external_id','column','What the target calls the entity.');
INSERT INTO about VALUES('lane.first_attempt_at','column','When it was sent first, in microseconds since 1970 (UTC); the least number for never.');
INSERT INTO about VALUES('lane.note','column','The last error, or what it waits for.');
INSERT INTO about VALUES('lane.owed_at','column','Since when it is owed, in microseconds since 1970 (UTC).');
INSERT INTO about VALUES('lane.owed_since','column','The journal row that made it owe; ready lanes are sent in this order.');
INSERT INTO about VALUES('lane.probes','column','How often the target was asked since the last attempt.');
INSERT INTO about VALUES('lane.record','column','The record, as record.id.');
INSERT INTO about VALUES('lane.remote_version','column','The version in the target''s own words, for conditional writes.');
INSERT INTO about VALUES('lane.resends','column','How often a person or a reconciliation ordered it again; part of the idempotency key.');
INSERT INTO about VALUES('lane.route','column','The route, as name.id.');
INSERT INTO about VALUES('lane.state','column','0 idle (nothing is owed), 1 ready, 2 in flight, 3 retry, 4 unknown, 5 waiting for another entity.');
INSERT INTO about VALUES('lane.target','column','The system that receives it, as name.id.');
INSERT INTO about VALUES('link','table','What each system calls each record.');
INSERT INTO about VALUES('link.checksum','column','CRC-32 of the other columns.');
INSERT INTO about VALUES('link.external_id','column','What the system calls it.');
INSERT INTO about VALUES('link.record','column','The record, as record.id.');
INSERT INTO about VALUES('link.system','column','The system, as name.id; 0 for the retailer''s own business keys.');
INSERT INTO about VALUES('link.type','column','The entity type, see journal.type.');
INSERT INTO about VALUES('links','view','What each system calls each record, with names to read.');
INSERT INTO about VALUES('links.external_id','column','What the system calls it.');
INSERT INTO about VALUES('links.key','column','The record''s business key.');
INSERT INTO about VALUES('links.record','column','The record, as record.id.');
INSERT INTO about VALUES('links.system','column','The system''s name.');
INSERT INTO about VALUES('links.type','column','The entity type by name.');
INSERT INTO about VALUES('meta','table','Numbers that cannot be derived from the rows.');
INSERT INTO about VALUES('meta.checksum','column','CRC-32 of the other columns.');
INSERT INTO about VALUES('meta.name','column','latest_time: the latest time the engine saw, in microseconds since 1970. last_seq and last_dead_letter: numbers up to here were used, also when the rows have expired.');
INSERT INTO about VALUES('meta.value','column','The number.');
INSERT INTO about VALUES('name','table','The names of systems, routes and domains, which other tables refer to by number.');
INSERT INTO about VALUES('name.checksum','column','CRC-32 of the other columns.');
INSERT INTO about VALUES('name.id','column','The number; never reused.');
INSERT INTO about VALUES('name.kind','column','1 system, 2 route, 3 domain.');
INSERT INTO about VALUES('name.name','column','The name the host gave it.');
INSERT INTO about VALUES('record','table','The canonical entities. The body of one is in the journal row it names as its head.');
INSERT INTO about VALUES('record.checksum','column','CRC-32 of the other columns.');
INSERT INTO about VALUES('record.deleted','column','1 when it was deleted.');
INSERT INTO about VALUES('record.digest','column','Digest of the body.');
INSERT INTO about VALUES('record.head','column','The journal row with the newest version, as journal.seq.');
INSERT INTO about VALUES('record.id','column','The record''s number, in the order of first sight.');
INSERT INTO about VALUES('record.key','column','What the business calls it: a SKU, an order number; empty when it has no such key.');
INSERT INTO about VALUES('record.provenance','column','Which system wrote which field, as a serialised retailsync.model.v1.Provenance.');
INSERT INTO about VALUES('record.type','column','The entity type, see journal.type.');
INSERT INTO about VALUES('record.version','column','The newest version.');
INSERT INTO about VALUES('records','view','The canonical entities with names and times to read.');
INSERT INTO about VALUES('records.changed_at','column','When that was accepted (UTC).');
INSERT INTO about VALUES('records.changed_by','column','The system that changed it last.');
INSERT INTO about VALUES('records.deleted','column','1 when it was deleted.');
INSERT INTO about VALUES('records.head','column','The journal row with it.');
INSERT INTO about VALUES('records.id','column','As record.id.');
INSERT INTO about VALUES('records.key','column','The business key.');
INSERT INTO about VALUES('records.type','column','The entity type by name.');
INSERT INTO about VALUES('records.version','column','The newest version.');
CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('latest_time',1000001,2411841305);
CREATE TABLE name (
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;
INSERT INTO name VALUES(1,2,'name 1',1062235601);
CREATE TABLE cursor (
  system INTEGER PRIMARY KEY,
  cursor TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;
INSERT INTO cursor VALUES(1,'page 2',1561165561);
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
INSERT INTO journal VALUES(1,1,'change 1',5,'order 1',2,-7,1000001,-9223372036854775808,X'bafe281b4de670767d46b25899fc9d15',1,1,3,0,replace('lines\nnumber','\n',char(10)),'00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',1428377427,X'7061796c6f61642031',X'6d65726765642031');
INSERT INTO journal VALUES(2,1,'change 2',5,'order 2',2,-7,2000001,-9223372036854775808,X'4e69b9e056b45b42b0d0c2ece95f8fc4',1,2,3,1,replace('lines\nnumber','\n',char(10)),'00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',4251899245,X'7061796c6f61642032',X'6d65726765642032');
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
INSERT INTO record VALUES(1,5,'key 1',3,1,X'227ba5f2c6c9109fe5c44a0696f39337',0,2073765461,X'70726f76656e616e63652031');
CREATE TABLE link (
  system INTEGER NOT NULL,
  type INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  record INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY (system, type, external_id)
) STRICT, WITHOUT ROWID;
INSERT INTO link VALUES(1,5,'order 1',1,4064627225);
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
INSERT INTO lane VALUES(1,2,3,4,1,1,2,1,X'3ef25c849197ef76226ed8bb9b8aa4dc',0,1,'external 1','W/"5"',3,1,X'c7ce66d0fb14e3c2d4d920918cc6cc7e',4,5,6,10,11,12,2121651579,'503');
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
INSERT INTO dead_letter VALUES(1,2,1,'permanent','no such account',2,3,5,1,3,1,'change 1','order 1',1,4,100,9223372036854775807,616196475,replace('tried\nfailed','\n',char(10)),X'636f6e74656e74');
CREATE UNIQUE INDEX journal_change ON journal(system, change_id);
CREATE INDEX link_record ON link(record);
CREATE INDEX lane_ready ON lane(target, domain, owed_since, record) WHERE state = 1;
CREATE INDEX lane_delayed ON lane(target, domain, due_at, record, state) WHERE state > 1;
CREATE INDEX dead_letter_state ON dead_letter(state);
CREATE INDEX dead_letter_record ON dead_letter(record);
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
COMMIT;
