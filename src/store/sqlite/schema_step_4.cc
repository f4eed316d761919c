#include "store/sqlite/schema_steps.h"

namespace retailsync::store::sqlite {

// Keys are found by an index of our own (key_index.h), whose tables these are. A tree over change
// ids, which are random, would write one random page a change.
const char kSchemaStep4[] = R"sql(
DROP INDEX journal_change;

CREATE TABLE key_run (
  id INTEGER PRIMARY KEY,
  level INTEGER NOT NULL,
  state INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  filter_blocks INTEGER NOT NULL,
  parts INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE key_part (
  run INTEGER NOT NULL,
  part INTEGER NOT NULL,
  last_key INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  pages BLOB NOT NULL,
  first_keys BLOB NOT NULL,
  first_block INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  filter BLOB NOT NULL,
  PRIMARY KEY (run, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE key_page (
  id INTEGER PRIMARY KEY,
  data BLOB NOT NULL
) STRICT;

CREATE VIEW key_runs AS
SELECT r.id AS run, r.level AS level,
    CASE r.state
      WHEN 1 THEN 'growing' WHEN 2 THEN 'whole' WHEN 3 THEN 'dropped'
      ELSE '?' END AS state,
    r.first_seq AS first_seq, r.last_seq AS last_seq, r.entries AS entries,
    count(p.part) AS parts,
    ifnull(sum(length(p.pages)) / 8, 0) AS pages,
    ifnull(sum(length(p.pages)) / 8 * 8144 + sum(length(p.filter)), 0) AS bytes
  FROM key_run AS r
  LEFT JOIN key_part AS p ON p.run = r.id
  GROUP BY r.id;

UPDATE about SET meaning = meaning || ' key_secret_0 and key_secret_1: what the hashes in the key index are made with; without them it is made again.'
  WHERE name = 'meta.name';
INSERT INTO about(name, kind, meaning) VALUES
('key_run', 'table', 'The index that finds journal rows by change id, external id and business key. It can be made again from the journal. A run has the keys of a stretch of the journal, as hashes, sorted; four runs of one level are merged into one of the next. The newest keys are in no run yet, only in memory.'),
('key_run.id', 'column', 'The run''s number.'),
('key_run.level', 'column', '0 when it was written from memory, n when it was merged from runs of level n - 1.'),
('key_run.state', 'column', '1 growing: it is being merged. 2 whole: it is searched. 3 dropped: another run has its keys, and it is being deleted.'),
('key_run.first_seq', 'column', 'It has the keys of the journal rows from this journal.seq on.'),
('key_run.last_seq', 'column', 'It has the keys of the journal rows up to this journal.seq.'),
('key_run.entries', 'column', 'How many keys it has, or will have when it is whole.'),
('key_run.filter_blocks', 'column', 'The size of its filter, in blocks of 64 bytes.'),
('key_run.parts', 'column', 'How many rows of key_part a whole run has.'),
('key_run.checksum', 'column', 'CRC-32 of the other columns.'),

('key_part', 'table', 'A stretch of a run: where its pages are, and which keys it certainly does not have.'),
('key_part.run', 'column', 'The run, as key_run.id.'),
('key_part.part', 'column', 'Which part of the run: 0, 1, 2 and so on.'),
('key_part.last_key', 'column', 'The last key in its pages: the highest 48 bits of a hash.'),
('key_part.last_seq', 'column', 'The journal row that has that key.'),
('key_part.pages', 'column', 'Its pages, as key_page.id, 8 bytes each, least significant first.'),
('key_part.first_keys', 'column', 'The first key in each of the pages, 8 bytes each, least significant first.'),
('key_part.first_block', 'column', 'The block of the run''s filter that this piece begins with.'),
('key_part.checksum', 'column', 'CRC-32 of the other columns.'),
('key_part.filter', 'column', 'A piece of the run''s Bloom filter, in blocks of 64 bytes.'),

('key_page', 'table', 'The keys of the runs, about a thousand a page. A page that no run has is free.'),
('key_page.id', 'column', 'The page''s place. When a page is free, the next that is written takes its place.'),
('key_page.data', 'column', 'CRC-32 of what follows (4 bytes), which page of the run it is (4), the run (8), the first key (8), the first seq (8), how many keys (4), n (4), and for each key 8 bytes: its distance from the first key, times 2 to the power of n, plus its seq''s distance from the first seq. All numbers least significant byte first.'),

('key_runs', 'view', 'The runs of the key index, with their size.'),
('key_runs.run', 'column', 'As key_run.id.'),
('key_runs.level', 'column', 'How often its keys were merged.'),
('key_runs.state', 'column', 'growing, whole or dropped.'),
('key_runs.first_seq', 'column', 'It has the keys of the journal rows from here on.'),
('key_runs.last_seq', 'column', 'It has the keys of the journal rows up to here.'),
('key_runs.entries', 'column', 'How many keys it has, or will have.'),
('key_runs.parts', 'column', 'How many rows of key_part there are.'),
('key_runs.pages', 'column', 'How many pages these have.'),
('key_runs.bytes', 'column', 'Their pages and filters, in bytes.');
)sql";

}  // namespace retailsync::store::sqlite
