-- Times are integer epoch seconds, UTC. Nothing in these tables is secret but the `sealed` and `wrapped` columns,
-- which are ciphertext.

CREATE TABLE store (
    id BLOB NOT NULL,
    key_epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE key_slot (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    params TEXT NOT NULL,
    public_key BLOB NOT NULL,
    wrapped BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    partition TEXT NOT NULL,
    account_id TEXT NOT NULL CHECK (length(account_id) = 12),
    alias TEXT UNIQUE,
    colour TEXT,
    protected INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account_id, partition)
) STRICT;

CREATE TABLE identity (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (id),
    kind TEXT NOT NULL CHECK (kind IN ('role', 'user', 'root', 'federated')),
    name TEXT NOT NULL,
    path TEXT,
    unique_id TEXT,
    label TEXT UNIQUE,
    region TEXT,
    mfa_serial TEXT,
    UNIQUE (account, name, kind)
) STRICT;

CREATE TABLE link (
    target INTEGER PRIMARY KEY REFERENCES identity (id) ON DELETE CASCADE,
    parent INTEGER NOT NULL REFERENCES identity (id) CHECK (parent <> target),
    role_arn TEXT NOT NULL,
    external_id TEXT,
    mfa_serial TEXT,
    duration INTEGER,
    session_name TEXT,
    source_identity TEXT,
    tags TEXT,
    transitive_tags TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX link_parent ON link (parent);

-- `identity` is NULL where a key's owner has never been asked for; `source_key` then names that key.
CREATE TABLE credential (
    id INTEGER PRIMARY KEY,
    identity INTEGER REFERENCES identity (id) ON DELETE CASCADE,
    source_key TEXT,
    access_key_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('long-term', 'imported', 'session', 'role')),
    request_hash BLOB,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    expiry_is_guess INTEGER NOT NULL DEFAULT 0,
    CHECK ((identity IS NULL) <> (source_key IS NULL))
) STRICT;
CREATE INDEX credential_identity ON credential (identity, created_at);
CREATE INDEX credential_source_key ON credential (source_key) WHERE source_key IS NOT NULL;

-- The parsed form of a person's AWS files, kept while the files' stamps stay the same.
CREATE TABLE profile_source (
    id INTEGER PRIMARY KEY,
    files TEXT NOT NULL UNIQUE,
    stamps TEXT NOT NULL
) STRICT;
CREATE TABLE profile (
    source INTEGER NOT NULL REFERENCES profile_source (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    role TEXT,
    parsed TEXT NOT NULL,
    PRIMARY KEY (source, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX profile_role ON profile (source, role) WHERE role IS NOT NULL;

CREATE TABLE mfa_use (
    serial TEXT NOT NULL,
    code_hash BLOB NOT NULL,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (serial, code_hash)
) STRICT, WITHOUT ROWID;
