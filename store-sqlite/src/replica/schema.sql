CREATE TABLE file (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    identity TEXT NOT NULL,
    seq INTEGER NOT NULL
) STRICT;

INSERT INTO file (one, identity, seq) VALUES (1, lower(hex(randomblob(8))), 0);

CREATE TABLE folder (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox TEXT NOT NULL COLLATE NOCASE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('calendar', 'mail', 'other')),
    is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    UNIQUE (mailbox, kind, name)
) STRICT;

CREATE TABLE item (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    folder INTEGER NOT NULL REFERENCES folder (id),
    uid TEXT,
    ics TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    trashed INTEGER NOT NULL DEFAULT 0 CHECK (trashed IN (0, 1)),
    changed_seq INTEGER NOT NULL,
    edited_ms INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX item_changed ON item (folder, changed_seq);
CREATE INDEX item_uid ON item (folder, uid);

-- Which state file's link and intent wrote a copy last.
CREATE TABLE stamp (
    state TEXT NOT NULL,
    item INTEGER NOT NULL REFERENCES item (id),
    stamp TEXT NOT NULL,
    PRIMARY KEY (state, item)
) STRICT, WITHOUT ROWID;

CREATE INDEX stamp_text ON stamp (state, stamp);
