/** Written as the file's application id: "MoCa". */
export const applicationId = 0x4d6f4361;

/** The version of the tables below. A change of them raises it and brings the statements that change a file of the version before: migrations.ts. */
export const schemaVersion = 2;

/** Tables of requests and transfers that have not ended, by the numbers of archives: pending-requests.ts, unpaid-transfers.ts. */
export const markTables = (kind: "TABLE" | "TEMP TABLE"): string => `
CREATE ${kind} pending_requests (number INTEGER PRIMARY KEY, tier TEXT NOT NULL, sent_at REAL) STRICT;
CREATE ${kind} settled_requests (number INTEGER PRIMARY KEY) STRICT;
CREATE ${kind} unpaid_transfers (number INTEGER PRIMARY KEY) STRICT;
CREATE ${kind} left_bytes (number INTEGER PRIMARY KEY, job_id TEXT NOT NULL, bytes INTEGER NOT NULL) STRICT;
`;

/**
 * The tables. `archives.path` is null where it equals the description, and `copies.location` where it equals the path. Ids are packed
 * (packed-id.ts) and found by a key of 48 bits, which takes a tenth of the space of an index of ids. The triggers count, since a count of
 * 10⁷ rows takes seconds and a progress line needs it each second.
 */
export const tables = `
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
  failed_at_target INTEGER NOT NULL DEFAULT 0,
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
${markTables("TABLE")}
PRAGMA application_id = ${applicationId};
PRAGMA user_version = ${schemaVersion};
`;

/** The indexes of archives, which a first import makes after the rows: in random order they would cost more than the rows. */
export const archiveIndexes: Readonly<Record<string, string>> = {
  archives_by_id: "CREATE INDEX IF NOT EXISTS archives_by_id ON archives (id_key)",
  archives_by_creation: "CREATE INDEX IF NOT EXISTS archives_by_creation ON archives (created_at)",
  archives_by_path: "CREATE INDEX IF NOT EXISTS archives_by_path ON archives (ifnull(path, description))",
  // Only of the few that a newer inventory does not list, or not yet.
  archives_unlisted: "CREATE INDEX IF NOT EXISTS archives_unlisted ON archives (created_at) WHERE state <> 0",
};
