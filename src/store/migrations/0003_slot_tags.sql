-- A seal under the store key that holds nothing and is bound to the rest of the row: whoever made or changed the slot had
-- the store key. NULL in slots that are older than this column.
ALTER TABLE key_slot ADD COLUMN tag BLOB;
