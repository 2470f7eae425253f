-- Files, by the keyed digest of their bytes. One without a digest is on its way in, inside of the
-- transaction that finishes it.
CREATE TABLE shelf_file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB UNIQUE CHECK (digest IS NULL OR length(digest) = 16),
    size INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE shelf_part (
    file INTEGER NOT NULL REFERENCES shelf_file (id),
    number INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (file, number)
) STRICT;

-- Which file a server's attachment turned out to be.
CREATE TABLE shelf_origin (
    origin BLOB PRIMARY KEY CHECK (length(origin) = 16),
    digest BLOB NOT NULL CHECK (length(digest) = 16)
) STRICT, WITHOUT ROWID;
