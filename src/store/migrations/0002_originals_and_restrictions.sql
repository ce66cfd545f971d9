-- What one of the person's files held before it was first written to. `sealed` is ciphertext, bound to the path and to
-- the time.
CREATE TABLE file_original (
    path TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT;

-- Under which name a session policy restricts the credential: the federated user's, or nothing for a role's session.
-- NULL where no policy does.
ALTER TABLE credential ADD COLUMN restricted_as TEXT;
