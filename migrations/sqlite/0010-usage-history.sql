-- What counts over time are about: a version, or all requests of an environment ('' = none was known). Ids are never
-- used again: what is left of a deleted secret ages out.
CREATE TABLE usage_series (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  secret_id TEXT,
  environment TEXT NOT NULL,
  version INTEGER,
  UNIQUE (secret_id, environment, version),
  FOREIGN KEY (secret_id, environment, version)
    REFERENCES versions (secret_id, environment, version) ON DELETE CASCADE,
  CHECK ((secret_id IS NULL) = (version IS NULL))
) STRICT;

CREATE UNIQUE INDEX usage_series_of_environments ON usage_series (environment) WHERE secret_id IS NULL;

CREATE TRIGGER usage_series_end_with_environments AFTER DELETE ON environments
BEGIN
  DELETE FROM usage_series WHERE secret_id IS NULL AND environment = OLD.name;
END;

-- Added to. By time first: each flush writes to one end, and what is old lies together.
CREATE TABLE usage_history (
  start_ms INTEGER NOT NULL,
  series INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  not_sent INTEGER NOT NULL,
  PRIMARY KEY (start_ms, series)
) STRICT, WITHOUT ROWID;
