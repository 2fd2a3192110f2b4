-- What needs a person. It decides nothing. Names stay readable when what they name is gone.
CREATE TABLE alerts (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  urgency INTEGER NOT NULL CHECK (urgency BETWEEN 0 AND 2),
  secret_id TEXT,
  secret TEXT,
  environment TEXT,
  version INTEGER,
  route TEXT,
  client TEXT,
  cutover TEXT,
  summary TEXT NOT NULL,
  what_to_do TEXT NOT NULL,
  command TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  last_seen_at_ms INTEGER NOT NULL,
  count INTEGER NOT NULL CHECK (count >= 1),
  acknowledged_at_ms INTEGER,
  acknowledged_by TEXT,
  note TEXT,
  closed_at_ms INTEGER,
  closed_because TEXT,
  CHECK ((acknowledged_at_ms IS NULL) = (acknowledged_by IS NULL)),
  CHECK ((closed_at_ms IS NULL) = (closed_because IS NULL))
) STRICT;

CREATE UNIQUE INDEX alerts_open ON alerts (kind, subject) WHERE closed_at_ms IS NULL;
CREATE INDEX alerts_open_by_secret ON alerts (secret_id, environment) WHERE closed_at_ms IS NULL;
CREATE INDEX alerts_by_subject ON alerts (kind, subject);
CREATE INDEX alerts_by_end ON alerts (closed_at_ms);
