-- What each row of the tables that decide something says, as a digest; in 256 groups by the digest of its key.
CREATE TABLE row_ledger (
  bucket INTEGER PRIMARY KEY CHECK (bucket BETWEEN 0 AND 255),
  entries BLOB NOT NULL
) STRICT;

-- The head's mac now covers the mac of the newest audit row, which it names, and the digest of each group.
ALTER TABLE audit_head ADD COLUMN row_mac BLOB;
ALTER TABLE audit_head ADD COLUMN buckets BLOB;
