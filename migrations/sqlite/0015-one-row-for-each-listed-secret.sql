-- A list of secrets is read row by row, so it goes by one row for each secret, not by one for each environment of it.
-- What stands in these tables follows from others and decides nothing.
DROP TRIGGER secrets_are_listed;
DROP TRIGGER secrets_are_listed_as_they_are;
DROP TRIGGER secrets_that_are_gone_are_not_listed;
DROP TRIGGER environments_of_secrets_are_listed;
DROP TRIGGER current_versions_are_listed;
DROP TRIGGER uses_are_listed;
DROP TRIGGER rotations_are_listed;
DROP TRIGGER rotations_are_listed_as_they_are;
DROP TRIGGER rotations_that_ended_are_not_listed;
DROP TABLE listed_secrets;

CREATE TABLE listed_environments (
  name TEXT NOT NULL, -- of the secret
  environment TEXT NOT NULL,
  is_reserved INTEGER NOT NULL CHECK (is_reserved IN (0, 1)), -- the environment
  -- Of the secret.
  rotate_every_days INTEGER NOT NULL,
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

-- What the environments of a secret come to. Their names lie between commas.
CREATE VIEW sums_of_environments AS
SELECT name, ',' || group_concat(environment, ',' ORDER BY environment) || ',' AS environments, count(created_at_ms) AS "values", max(is_reserved) AS is_reserved,
  min(created_at_ms) AS created_at_ms, min(expires_at_ms) AS expires_at_ms, max(last_used_at_ms) AS last_used_at_ms,
  min(rotate_at_ms) AS rotate_at_ms
FROM listed_environments GROUP BY name;

CREATE TABLE listed_secrets (
  name TEXT PRIMARY KEY,
  maximum_age_days INTEGER NOT NULL,
  -- As in `sums_of_environments`.
  environments TEXT NOT NULL DEFAULT '',
  "values" INTEGER NOT NULL DEFAULT 0,
  is_reserved INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER,
  expires_at_ms INTEGER,
  last_used_at_ms INTEGER,
  rotate_at_ms INTEGER
) STRICT, WITHOUT ROWID;

INSERT INTO listed_environments
  (name, environment, is_reserved, rotate_every_days, created_at_ms, expires_at_ms, last_used_at_ms, is_rotated,
   next_run_at_ms)
SELECT s.name, e.environment, n.reserved, s.rotate_every_days, v.created_at_ms, v.expires_at_ms, e.last_used_at_ms,
  t.id IS NOT NULL, t.next_run_at_ms
FROM secret_environments AS e
JOIN age_limits AS s ON s.id = e.secret_id
JOIN environments AS n ON n.name = e.environment
LEFT JOIN versions AS v ON v.secret_id = e.secret_id AND v.environment = e.environment
  AND v.version = e.current_version
LEFT JOIN rotations AS t ON t.secret_id = e.secret_id AND t.environment = e.environment;

INSERT INTO listed_secrets
SELECT s.name, s.maximum_age_days, coalesce(e.environments, ''), coalesce(e."values", 0), coalesce(e.is_reserved, 0),
  e.created_at_ms, e.expires_at_ms, e.last_used_at_ms, e.rotate_at_ms
FROM age_limits AS s LEFT JOIN sums_of_environments AS e ON e.name = s.name;

CREATE TRIGGER secrets_are_listed AFTER INSERT ON secrets
BEGIN
  INSERT INTO listed_secrets (name, maximum_age_days) SELECT name, maximum_age_days FROM age_limits WHERE id = NEW.id;
END;

CREATE TRIGGER secrets_are_listed_as_they_are
AFTER UPDATE OF kind, criticality, rotate_every_days, maximum_age_days ON secrets
BEGIN
  UPDATE listed_secrets SET maximum_age_days = (SELECT maximum_age_days FROM age_limits WHERE id = NEW.id)
  WHERE name = NEW.name;
  UPDATE listed_environments SET rotate_every_days = (SELECT rotate_every_days FROM age_limits WHERE id = NEW.id)
  WHERE name = NEW.name;
END;

CREATE TRIGGER secrets_that_are_gone_are_not_listed AFTER DELETE ON secrets
BEGIN
  DELETE FROM listed_environments WHERE name = OLD.name;
  DELETE FROM listed_secrets WHERE name = OLD.name;
END;

CREATE TRIGGER environments_of_secrets_are_listed AFTER INSERT ON secret_environments
BEGIN
  INSERT INTO listed_environments
    (name, environment, is_reserved, rotate_every_days, last_used_at_ms, is_rotated, next_run_at_ms)
  SELECT s.name, n.name, n.reserved, s.rotate_every_days, NEW.last_used_at_ms, t.id IS NOT NULL, t.next_run_at_ms
  FROM age_limits AS s
  JOIN environments AS n ON n.name = NEW.environment
  LEFT JOIN rotations AS t ON t.secret_id = s.id AND t.environment = NEW.environment
  WHERE s.id = NEW.secret_id;
END;

CREATE TRIGGER current_versions_are_listed AFTER UPDATE OF current_version ON secret_environments
BEGIN
  UPDATE listed_environments SET (created_at_ms, expires_at_ms) = (
    SELECT v.created_at_ms, v.expires_at_ms FROM versions AS v
    WHERE v.secret_id = NEW.secret_id AND v.environment = NEW.environment AND v.version = NEW.current_version
  )
  WHERE name = (SELECT name FROM secrets WHERE id = NEW.secret_id) AND environment = NEW.environment;
END;

CREATE TRIGGER uses_are_listed AFTER UPDATE OF last_used_at_ms ON secret_environments
BEGIN
  UPDATE listed_environments SET last_used_at_ms = NEW.last_used_at_ms
  WHERE name = (SELECT name FROM secrets WHERE id = NEW.secret_id) AND environment = NEW.environment;
END;

CREATE TRIGGER rotations_are_listed AFTER INSERT ON rotations
BEGIN
  UPDATE listed_environments SET is_rotated = 1, next_run_at_ms = NEW.next_run_at_ms
  WHERE name = NEW.secret AND environment = NEW.environment;
END;

CREATE TRIGGER rotations_are_listed_as_they_are AFTER UPDATE OF next_run_at_ms ON rotations
BEGIN
  UPDATE listed_environments SET next_run_at_ms = NEW.next_run_at_ms
  WHERE name = NEW.secret AND environment = NEW.environment;
END;

CREATE TRIGGER rotations_that_ended_are_not_listed AFTER DELETE ON rotations
BEGIN
  UPDATE listed_environments SET is_rotated = 0, next_run_at_ms = NULL
  WHERE name = OLD.secret AND environment = OLD.environment;
END;

CREATE TRIGGER sums_are_listed_with_an_environment AFTER INSERT ON listed_environments
BEGIN
  UPDATE listed_secrets
  SET (environments, "values", is_reserved, created_at_ms, expires_at_ms, last_used_at_ms, rotate_at_ms) = (
    SELECT environments, "values", is_reserved, created_at_ms, expires_at_ms, last_used_at_ms, rotate_at_ms
    FROM sums_of_environments WHERE name = NEW.name
  )
  WHERE name = NEW.name;
END;

CREATE TRIGGER sums_are_listed_as_they_are
AFTER UPDATE OF created_at_ms, expires_at_ms, rotate_every_days, is_rotated, next_run_at_ms ON listed_environments
BEGIN
  UPDATE listed_secrets SET ("values", created_at_ms, expires_at_ms, rotate_at_ms) = (
    SELECT "values", created_at_ms, expires_at_ms, rotate_at_ms FROM sums_of_environments WHERE name = NEW.name
  )
  WHERE name = NEW.name;
END;

-- Each second, of every value in use: without a sum, for it only becomes later.
CREATE TRIGGER later_uses_are_listed AFTER UPDATE OF last_used_at_ms ON listed_environments
BEGIN
  UPDATE listed_secrets SET last_used_at_ms = NEW.last_used_at_ms
  WHERE name = NEW.name AND coalesce(last_used_at_ms, 0) < NEW.last_used_at_ms;
END;
