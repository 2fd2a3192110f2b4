-- Where what needs a person is told. Credentials are names of secrets.
CREATE TABLE channels (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  settings TEXT NOT NULL CHECK (json_type(settings) = 'object'),
  created_at_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  last_sent_at_ms INTEGER,
  last_failed_at_ms INTEGER,
  last_problem TEXT
) STRICT;

-- Kept before they are sent. What was sent or given up stays for a while, so that the same is not told again.
CREATE TABLE deliveries (
  id TEXT NOT NULL PRIMARY KEY,
  channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
  event TEXT NOT NULL,
  subject TEXT NOT NULL,
  urgency INTEGER NOT NULL CHECK (urgency BETWEEN 0 AND 2),
  message TEXT NOT NULL CHECK (json_type(message) = 'object'),
  created_at_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL CHECK (attempts >= 0),
  next_attempt_at_ms INTEGER NOT NULL,
  holder TEXT,
  held_until_ms INTEGER,
  sent_at_ms INTEGER,
  failed_at_ms INTEGER,
  problem TEXT,
  CHECK ((holder IS NULL) = (held_until_ms IS NULL)),
  CHECK (sent_at_ms IS NULL OR failed_at_ms IS NULL)
) STRICT;

CREATE INDEX deliveries_due ON deliveries (next_attempt_at_ms) WHERE sent_at_ms IS NULL AND failed_at_ms IS NULL;
CREATE INDEX deliveries_by_subject ON deliveries (channel_id, event, subject, created_at_ms);
CREATE INDEX deliveries_by_age ON deliveries (created_at_ms);

CREATE TRIGGER deliveries_are_done_once BEFORE UPDATE ON deliveries
WHEN OLD.sent_at_ms IS NOT NULL OR OLD.failed_at_ms IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a delivery is done once');
END;
