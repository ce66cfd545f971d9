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
