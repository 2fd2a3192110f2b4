-- The way of an environment of a secret from one version to another, or from one secret to another. The names stay
-- readable when the secrets are gone.
CREATE TABLE cutovers (
  id TEXT NOT NULL PRIMARY KEY,
  secret_id TEXT NOT NULL,
  secret TEXT NOT NULL,
  environment TEXT NOT NULL,
  from_version INTEGER NOT NULL CHECK (from_version >= 1),
  to_secret_id TEXT,
  to_secret TEXT,
  to_version INTEGER CHECK (to_version >= 1),
  settings TEXT NOT NULL CHECK (
    json_type(settings, '$.steps') = 'array' AND settings ->> '$.steps[#-1]' = 100
  ),
  state TEXT NOT NULL CHECK (state IN ('PENDING', 'CANARY', 'CURRENT', 'COMPLETED', 'ROLLED_BACK')),
  step INTEGER NOT NULL CHECK (step >= 0 AND step < json_array_length(settings, '$.steps')),
  paused INTEGER NOT NULL CHECK (paused IN (0, 1)),
  hold TEXT,
  started_at_ms INTEGER NOT NULL,
  started_by TEXT NOT NULL,
  step_started_at_ms INTEGER NOT NULL,
  current_since_ms INTEGER,
  window_ends_at_ms INTEGER,
  ended_at_ms INTEGER,
  reason TEXT,
  ended_by_itself INTEGER NOT NULL CHECK (ended_by_itself IN (0, 1)),
  evidence TEXT CHECK (evidence IS NULL OR json_type(evidence) = 'object'),
  CHECK ((to_secret IS NULL) = (to_secret_id IS NULL)),
  CHECK ((to_secret IS NULL) <> (to_version IS NULL)),
  CHECK (to_secret_id IS NULL OR to_secret_id <> secret_id),
  CHECK (to_version IS NULL OR to_version <> from_version),
  CHECK ((state IN ('COMPLETED', 'ROLLED_BACK')) = (ended_at_ms IS NOT NULL)),
  CHECK ((reason IS NULL) = (ended_at_ms IS NULL)),
  CHECK ((current_since_ms IS NULL) = (window_ends_at_ms IS NULL)),
  CHECK (state NOT IN ('PENDING', 'CANARY') OR current_since_ms IS NULL),
  CHECK (state NOT IN ('CURRENT', 'COMPLETED') OR current_since_ms IS NOT NULL),
  CHECK (state <> 'PENDING' OR step = 0),
  CHECK (state NOT IN ('CURRENT', 'COMPLETED') OR step = json_array_length(settings, '$.steps') - 1)
) STRICT;

CREATE UNIQUE INDEX cutovers_running ON cutovers (secret_id, environment) WHERE ended_at_ms IS NULL;
CREATE INDEX cutovers_running_to ON cutovers (to_secret_id, environment) WHERE ended_at_ms IS NULL;
CREATE INDEX cutovers_by_secret ON cutovers (secret, environment, id);

CREATE TRIGGER cutovers_begin_pending BEFORE INSERT ON cutovers WHEN NEW.state <> 'PENDING'
BEGIN
  SELECT RAISE(ABORT, 'a cutover begins before any request takes part');
END;

CREATE TRIGGER cutovers_do_not_meet BEFORE INSERT ON cutovers
WHEN EXISTS (
  SELECT 1 FROM cutovers AS c
  WHERE c.environment = NEW.environment AND c.ended_at_ms IS NULL
    AND (c.secret_id IN (NEW.secret_id, NEW.to_secret_id)
      OR c.to_secret_id IN (NEW.secret_id, NEW.to_secret_id))
)
BEGIN
  SELECT RAISE(ABORT, 'a secret has one cutover at a time in an environment');
END;

CREATE TRIGGER cutovers_are_not_replaced BEFORE INSERT ON cutovers
WHEN EXISTS (SELECT 1 FROM cutovers WHERE id = NEW.id)
BEGIN
  SELECT RAISE(ABORT, 'a cutover is kept');
END;

CREATE TRIGGER cutovers_are_kept BEFORE DELETE ON cutovers
BEGIN
  SELECT RAISE(ABORT, 'a cutover is kept');
END;

CREATE TRIGGER cutovers_keep_their_course
BEFORE UPDATE OF id, secret_id, secret, environment, from_version, to_secret_id, to_secret, to_version, settings,
  started_at_ms, started_by ON cutovers
BEGIN
  SELECT RAISE(ABORT, 'a cutover keeps its course: roll it back and begin another one');
END;

CREATE TRIGGER cutover_ends_are_final BEFORE UPDATE ON cutovers WHEN OLD.ended_at_ms IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a cutover that has ended stays so');
END;

CREATE TRIGGER cutovers_only_go_on BEFORE UPDATE OF state, step ON cutovers
WHEN NEW.step < OLD.step
  OR (NEW.state = 'PENDING' AND OLD.state <> 'PENDING')
  OR (NEW.state = 'CANARY' AND OLD.state = 'CURRENT')
BEGIN
  SELECT RAISE(ABORT, 'a cutover goes on or ends');
END;

CREATE TRIGGER cutovers_are_current_by_the_pointer BEFORE UPDATE OF state ON cutovers
WHEN NEW.state = 'CURRENT' AND NEW.to_version IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM secret_environments AS e
  WHERE e.secret_id = NEW.secret_id AND e.environment = NEW.environment
    AND e.current_version = NEW.to_version AND e.previous_version = NEW.from_version
)
BEGIN
  SELECT RAISE(ABORT, 'the version of a cutover is current by the pointer');
END;

-- What a cutover under way moves between is moved by nothing else, and stays usable.
CREATE TRIGGER cutovers_hold_the_pointer BEFORE UPDATE OF current_version ON secret_environments
WHEN EXISTS (
  SELECT 1 FROM cutovers AS c
  WHERE c.secret_id = NEW.secret_id AND c.environment = NEW.environment AND c.ended_at_ms IS NULL
    AND NEW.current_version IS NOT c.from_version
    AND (c.to_version IS NULL OR NEW.current_version IS NOT c.to_version)
)
BEGIN
  SELECT RAISE(ABORT, 'a cutover under way holds the pointer');
END;

CREATE TRIGGER versions_of_cutovers_are_usable
BEFORE UPDATE OF revoked_at_ms, destroyed_at_ms, ciphertext ON versions
WHEN (NEW.revoked_at_ms IS NOT NULL OR NEW.destroyed_at_ms IS NOT NULL) AND EXISTS (
  SELECT 1 FROM cutovers AS c
  WHERE c.secret_id = OLD.secret_id AND c.environment = OLD.environment AND c.ended_at_ms IS NULL
    AND OLD.version IN (c.from_version, c.to_version)
)
BEGIN
  SELECT RAISE(ABORT, 'a version of a cutover under way cannot be revoked or destroyed');
END;

-- Totals, added to.
CREATE TABLE cutover_observations (
  cutover_id TEXT NOT NULL REFERENCES cutovers (id),
  step INTEGER NOT NULL,
  side TEXT NOT NULL CHECK (side IN ('old', 'new')),
  route TEXT NOT NULL,
  client_id TEXT NOT NULL,
  accepted INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  paired_refusals INTEGER NOT NULL,
  shared_refusals INTEGER NOT NULL,
  PRIMARY KEY (cutover_id, step, side, route, client_id)
) STRICT, WITHOUT ROWID;
