-- A catalogue as version 1 has created it.
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE formats (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE archives (
  number INTEGER PRIMARY KEY,
  id ANY NOT NULL,
  id_key INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
  tree_hash BLOB NOT NULL CHECK (length(tree_hash) = 32),
  description TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  path TEXT,
  format INTEGER NOT NULL,
  modified_at INTEGER,
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
  state_at INTEGER
) STRICT;
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY,
  id ANY NOT NULL,
  id_key INTEGER NOT NULL,
  tier TEXT NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
  requested_at INTEGER NOT NULL,
  completed_at INTEGER,
  error TEXT,
  request_count INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_by_id ON jobs (id_key);
CREATE INDEX jobs_by_state ON jobs (state);
CREATE TABLE job_totals (state INTEGER PRIMARY KEY, jobs INTEGER NOT NULL) STRICT;
CREATE TRIGGER job_added AFTER INSERT ON jobs BEGIN
  INSERT INTO job_totals VALUES (new.state, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER job_changed AFTER UPDATE OF state ON jobs WHEN old.state <> new.state BEGIN
  UPDATE job_totals SET jobs = jobs - 1 WHERE state = old.state;
  INSERT INTO job_totals VALUES (new.state, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TABLE targets (number INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE copies (
  target INTEGER NOT NULL,
  number INTEGER NOT NULL,
  path TEXT NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
  size_bytes INTEGER NOT NULL,
  sha256 BLOB,
  location TEXT,
  error TEXT,
  attempts INTEGER NOT NULL,
  verified_at INTEGER,
  PRIMARY KEY (target, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX copies_by_state ON copies (target, state, number);
CREATE TABLE copy_totals (
  target INTEGER, state INTEGER, copies INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (target, state)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER copy_added AFTER INSERT ON copies BEGIN
  INSERT INTO copy_totals VALUES (new.target, new.state, 1, new.size_bytes)
    ON CONFLICT DO UPDATE SET copies = copies + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER copy_changed AFTER UPDATE OF state ON copies WHEN old.state <> new.state BEGIN
  UPDATE copy_totals SET copies = copies - 1, bytes = bytes - old.size_bytes
    WHERE target = old.target AND state = old.state;
  INSERT INTO copy_totals VALUES (new.target, new.state, 1, new.size_bytes)
    ON CONFLICT DO UPDATE SET copies = copies + 1, bytes = bytes + excluded.bytes;
END;
CREATE TABLE copy_names (
  target INTEGER, path_key INTEGER, is_folder INTEGER NOT NULL, PRIMARY KEY (target, path_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE sent_uploads (
  path TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, tree_hash BLOB NOT NULL, invocation_id TEXT NOT NULL, sent_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE unlisted_uploads (number INTEGER PRIMARY KEY, sha256 BLOB) STRICT;
CREATE TABLE costs (name TEXT PRIMARY KEY, quantity REAL NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA application_id = 1299137377;
PRAGMA user_version = 1;
CREATE INDEX IF NOT EXISTS archives_by_id ON archives (id_key);
CREATE INDEX IF NOT EXISTS archives_by_creation ON archives (created_at);
CREATE INDEX IF NOT EXISTS archives_by_path ON archives (ifnull(path, description));
CREATE INDEX IF NOT EXISTS archives_unlisted ON archives (created_at) WHERE state <> 0;
