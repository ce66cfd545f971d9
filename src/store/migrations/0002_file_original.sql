-- What one of the person's files held before it was first written to. `sealed` is ciphertext, bound to the path and to
-- the time.
CREATE TABLE file_original (
    path TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT;
