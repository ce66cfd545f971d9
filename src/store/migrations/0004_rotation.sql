-- The replacements of long-term keys that have begun and not ended. A row is written before AWS is asked for anything, and
-- goes with the old key.
CREATE TABLE rotation (
    identity INTEGER PRIMARY KEY REFERENCES identity (id) ON DELETE CASCADE,
    old_key TEXT NOT NULL,
    -- NULL as long as the store does not have the new one.
    new_key TEXT,
    phase TEXT NOT NULL CHECK (phase IN ('intended', 'stored', 'in-use', 'retired')),
    -- The access key ids that AWS listed before a new one was asked for, separated by spaces.
    known TEXT NOT NULL,
    started_at INTEGER NOT NULL
) STRICT;

-- Long-term keys that a rotation has deleted. Copies of them may stand in files still: whose they were must be known there.
CREATE TABLE retired_key (
    access_key_id TEXT PRIMARY KEY,
    identity INTEGER NOT NULL REFERENCES identity (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
