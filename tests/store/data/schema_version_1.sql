-- A store of schema version 1, as `sqlite3 sync.db .dump` gives it, with the two numbers of its header.
PRAGMA application_id = 1381258073;
PRAGMA user_version = 1;
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
COMMIT;
