CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    state_id TEXT NOT NULL,
    digest_key BLOB NOT NULL CHECK (length(digest_key) = 32)
) STRICT;

CREATE TABLE lock (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    holder TEXT,
    generation INTEGER NOT NULL DEFAULT 0,
    since_ms INTEGER NOT NULL DEFAULT 0,
    expires_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO lock (one) VALUES (1);

CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    pair TEXT NOT NULL,
    run TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    payload TEXT NOT NULL
) STRICT;

CREATE INDEX journal_pair ON journal (pair);
CREATE INDEX journal_kind ON journal (kind, version);

CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
BEGIN
    SELECT raise(ABORT, 'the journal is append-only');
END;

CREATE TRIGGER journal_is_never_deleted BEFORE DELETE ON journal
BEGIN
    SELECT raise(ABORT, 'the journal is append-only');
END;

-- A row inserted in place of another is a change; it would not fire the trigger above.
CREATE TRIGGER journal_is_never_replaced BEFORE INSERT ON journal
WHEN NEW.seq IN (SELECT seq FROM journal)
BEGIN
    SELECT raise(ABORT, 'the journal is append-only');
END;

CREATE TABLE blob (
    digest BLOB PRIMARY KEY CHECK (length(digest) = 16),
    size INTEGER NOT NULL,
    zstd BLOB NOT NULL
) STRICT;

-- The fold of the journal before `seq`, of every pair.
CREATE TABLE snapshot (
    seq INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE snapshot_row (
    seq INTEGER NOT NULL REFERENCES snapshot (seq),
    pair TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('head', 'link', 'conflict')),
    key INTEGER NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (seq, pair, kind, key)
) STRICT, WITHOUT ROWID;
