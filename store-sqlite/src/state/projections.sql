-- The fold of the journal. Can be dropped and made anew.

-- What is known of a pair as a whole.
CREATE TABLE head (
    pair TEXT PRIMARY KEY,
    payload TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- `id` has its top bit flipped, so that SQLite's signed order is the order of the ids.
CREATE TABLE link (
    id INTEGER PRIMARY KEY,
    pair TEXT NOT NULL,
    attention INTEGER NOT NULL,
    open INTEGER NOT NULL,
    held INTEGER NOT NULL,
    met INTEGER NOT NULL,
    buried INTEGER NOT NULL,
    payload TEXT NOT NULL
) STRICT;

CREATE INDEX link_pair ON link (pair, id);
CREATE INDEX link_count ON link (pair, buried, met);
CREATE INDEX link_attention ON link (pair, id) WHERE attention = 1;
CREATE INDEX link_open ON link (pair, id) WHERE open = 1;
CREATE INDEX link_held ON link (pair, id) WHERE held = 1;

-- Where a copy is found. Ids are bytes: those that differ only in case differ. `present` says
-- whether the copy is taken for present.
CREATE TABLE leg (
    link INTEGER NOT NULL,
    replica INTEGER NOT NULL,
    pair TEXT NOT NULL,
    collection TEXT NOT NULL,
    remote_id BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    present INTEGER NOT NULL,
    PRIMARY KEY (link, replica)
) STRICT, WITHOUT ROWID;

CREATE INDEX leg_remote ON leg (pair, collection, replica, remote_id);
CREATE INDEX leg_present ON leg (pair, collection, replica, link, epoch) WHERE present = 1;

-- Keys by which living links can be recognised elsewhere.
CREATE TABLE identity (
    link INTEGER NOT NULL,
    key TEXT NOT NULL,
    pair TEXT NOT NULL,
    collection TEXT NOT NULL,
    PRIMARY KEY (link, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX identity_key ON identity (pair, collection, key);

CREATE TABLE conflict (
    seq INTEGER PRIMARY KEY,
    pair TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;

CREATE INDEX conflict_pair ON conflict (pair, seq);

-- Which entries a link's history consists of.
CREATE TABLE touch (
    link INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (link, seq)
) STRICT, WITHOUT ROWID;
