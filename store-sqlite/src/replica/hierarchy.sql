ALTER TABLE folder ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- The name that a deleted folder had; its name then is one that no folder can have.
ALTER TABLE folder ADD COLUMN trashed_name TEXT;

-- Which state file's link and intent wrote a folder last.
CREATE TABLE folder_stamp (
    state TEXT NOT NULL,
    folder INTEGER NOT NULL REFERENCES folder (id),
    stamp TEXT NOT NULL,
    PRIMARY KEY (state, folder)
) STRICT, WITHOUT ROWID;
