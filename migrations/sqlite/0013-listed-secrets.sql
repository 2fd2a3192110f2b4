-- How often each secret is to be rotated and how old it may become: as set, or as `age-mark.ts` of core says.
CREATE VIEW age_limits AS
WITH intervals AS (
  SELECT id, name, maximum_age_days, coalesce(rotate_every_days, CASE
    WHEN criticality = 'critical' THEN 30
    WHEN kind IN ('stripe', 'jwt') THEN 180
    ELSE 90
  END) AS rotate_every_days FROM secrets
)
SELECT id, name, rotate_every_days, coalesce(maximum_age_days, rotate_every_days) AS maximum_age_days
FROM intervals;

-- What lists of secrets are filtered and sorted by: a row for each secret, where the environment is empty, and one for
-- each of its environments. It follows from other tables and decides nothing.
CREATE TABLE listed_secrets (
  name TEXT NOT NULL,
  environment TEXT NOT NULL,
  is_reserved INTEGER NOT NULL DEFAULT 0 CHECK (is_reserved IN (0, 1)), -- the environment
  -- Of the secret.
  rotate_every_days INTEGER NOT NULL,
  maximum_age_days INTEGER NOT NULL,
  -- Of the current version there.
  created_at_ms INTEGER,
  expires_at_ms INTEGER,
  last_used_at_ms INTEGER,
  -- Of its rotation there.
  is_rotated INTEGER NOT NULL DEFAULT 0 CHECK (is_rotated IN (0, 1)),
  next_run_at_ms INTEGER,
  -- By its rotation, or else as `rotateAtMs` of core; null where nothing is to be rotated.
  rotate_at_ms INTEGER GENERATED ALWAYS AS (
    CASE
      WHEN is_rotated THEN next_run_at_ms
      ELSE min(created_at_ms + rotate_every_days * 86400000, coalesce(expires_at_ms, 9007199254740991))
    END
  ) STORED,
  PRIMARY KEY (name, environment)
) STRICT, WITHOUT ROWID;

INSERT INTO listed_secrets (name, environment, rotate_every_days, maximum_age_days)
SELECT name, '', rotate_every_days, maximum_age_days FROM age_limits;

INSERT INTO listed_secrets
  (name, environment, is_reserved, rotate_every_days, maximum_age_days,
   created_at_ms, expires_at_ms, last_used_at_ms, is_rotated, next_run_at_ms)
SELECT s.name, e.environment, n.reserved, s.rotate_every_days, s.maximum_age_days,
  v.created_at_ms, v.expires_at_ms, e.last_used_at_ms, t.id IS NOT NULL, t.next_run_at_ms
FROM secret_environments AS e
JOIN age_limits AS s ON s.id = e.secret_id
JOIN environments AS n ON n.name = e.environment
LEFT JOIN versions AS v ON v.secret_id = e.secret_id AND v.environment = e.environment
  AND v.version = e.current_version
LEFT JOIN rotations AS t ON t.secret_id = e.secret_id AND t.environment = e.environment;

CREATE TRIGGER secrets_are_listed AFTER INSERT ON secrets
BEGIN
  INSERT INTO listed_secrets (name, environment, rotate_every_days, maximum_age_days)
  SELECT name, '', rotate_every_days, maximum_age_days FROM age_limits WHERE id = NEW.id;
END;

CREATE TRIGGER secrets_are_listed_as_they_are
AFTER UPDATE OF kind, criticality, rotate_every_days, maximum_age_days ON secrets
BEGIN
  UPDATE listed_secrets SET (rotate_every_days, maximum_age_days) = (
    SELECT rotate_every_days, maximum_age_days FROM age_limits WHERE id = NEW.id
  )
  WHERE name = NEW.name;
END;

CREATE TRIGGER secrets_that_are_gone_are_not_listed AFTER DELETE ON secrets
BEGIN
  DELETE FROM listed_secrets WHERE name = OLD.name;
END;

CREATE TRIGGER environments_of_secrets_are_listed AFTER INSERT ON secret_environments
BEGIN
  INSERT INTO listed_secrets
    (name, environment, is_reserved, rotate_every_days, maximum_age_days, last_used_at_ms, is_rotated, next_run_at_ms)
  SELECT s.name, n.name, n.reserved, s.rotate_every_days, s.maximum_age_days,
    NEW.last_used_at_ms, t.id IS NOT NULL, t.next_run_at_ms
  FROM age_limits AS s
  JOIN environments AS n ON n.name = NEW.environment
  LEFT JOIN rotations AS t ON t.secret_id = s.id AND t.environment = NEW.environment
  WHERE s.id = NEW.secret_id;
END;

CREATE TRIGGER current_versions_are_listed AFTER UPDATE OF current_version ON secret_environments
BEGIN
  UPDATE listed_secrets SET (created_at_ms, expires_at_ms) = (
    SELECT v.created_at_ms, v.expires_at_ms FROM versions AS v
    WHERE v.secret_id = NEW.secret_id AND v.environment = NEW.environment AND v.version = NEW.current_version
  )
  WHERE name = (SELECT name FROM secrets WHERE id = NEW.secret_id) AND environment = NEW.environment;
END;

CREATE TRIGGER uses_are_listed AFTER UPDATE OF last_used_at_ms ON secret_environments
BEGIN
  UPDATE listed_secrets SET last_used_at_ms = NEW.last_used_at_ms
  WHERE name = (SELECT name FROM secrets WHERE id = NEW.secret_id) AND environment = NEW.environment;
END;

CREATE TRIGGER rotations_are_listed AFTER INSERT ON rotations
BEGIN
  UPDATE listed_secrets SET is_rotated = 1, next_run_at_ms = NEW.next_run_at_ms
  WHERE name = NEW.secret AND environment = NEW.environment;
END;

CREATE TRIGGER rotations_are_listed_as_they_are AFTER UPDATE OF next_run_at_ms ON rotations
BEGIN
  UPDATE listed_secrets SET next_run_at_ms = NEW.next_run_at_ms
  WHERE name = NEW.secret AND environment = NEW.environment;
END;

CREATE TRIGGER rotations_that_ended_are_not_listed AFTER DELETE ON rotations
BEGIN
  UPDATE listed_secrets SET is_rotated = 0, next_run_at_ms = NULL
  WHERE name = OLD.secret AND environment = OLD.environment;
END;
