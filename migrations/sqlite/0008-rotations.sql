-- A secret of an environment that a provider makes new values for. It goes with its secret; its runs are kept.
CREATE TABLE rotations (
  id TEXT NOT NULL PRIMARY KEY,
  secret_id TEXT NOT NULL REFERENCES secrets (id) ON DELETE CASCADE,
  secret TEXT NOT NULL,
  environment TEXT NOT NULL REFERENCES environments (name),
  provider TEXT NOT NULL,
  settings TEXT NOT NULL CHECK (json_type(settings, '$.config') = 'object'),
  state TEXT NOT NULL CHECK (state IN ('active', 'paused')),
  next_run_at_ms INTEGER,
  created_at_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  CHECK (coalesce(settings ->> '$.intervalDays' BETWEEN 1 AND 365, TRUE))
) STRICT;

CREATE UNIQUE INDEX rotations_of ON rotations (secret_id, environment);
CREATE INDEX rotations_by_name ON rotations (secret, environment);
CREATE INDEX rotations_due ON rotations (next_run_at_ms, id)
  WHERE state = 'active' AND next_run_at_ms IS NOT NULL;

CREATE TRIGGER rotations_keep_their_provider
BEFORE UPDATE OF id, secret_id, secret, environment, provider, created_at_ms, created_by ON rotations
BEGIN
  SELECT RAISE(ABORT, 'a rotation keeps its secret and its provider: disable it and enable another one');
END;

-- One passage from an old key to a new one. The names stay readable when the secret is gone.
CREATE TABLE rotation_runs (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  rotation_id TEXT NOT NULL,
  secret_id TEXT NOT NULL,
  secret TEXT NOT NULL,
  environment TEXT NOT NULL,
  provider TEXT NOT NULL,
  begun_by TEXT NOT NULL CHECK (begun_by IN ('schedule', 'manual', 'emergency')),
  state TEXT NOT NULL CHECK (state IN ('PLANNED', 'PREFLIGHT', 'AWAITING_VALUE', 'MINTING', 'MINTED',
    'PROBING', 'CUTOVER', 'GRACE', 'DISABLING', 'SOAK', 'REVOKING', 'DONE', 'ROLLING_BACK', 'CLEANUP',
    'ROLLED_BACK', 'FAILED', 'NEEDS_ATTENTION')),
  resumes_as TEXT,
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  principal TEXT,
  from_version INTEGER CHECK (from_version >= 1),
  to_version INTEGER CHECK (to_version >= 1),
  step_id TEXT,
  key_ids_before TEXT CHECK (key_ids_before IS NULL OR json_type(key_ids_before) = 'array'),
  old_key_id TEXT,
  new_key_id TEXT,
  orphan_key_ids TEXT NOT NULL CHECK (json_type(orphan_key_ids) = 'array'),
  cutover_id TEXT,
  attempts INTEGER NOT NULL CHECK (attempts >= 0),
  retry_at_ms INTEGER,
  deadline_at_ms INTEGER,
  problem TEXT,
  started_at_ms INTEGER NOT NULL,
  started_by TEXT NOT NULL,
  state_since_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  reason TEXT,
  -- Who works on it, and until when unless that is renewed. What it writes is judged by the epoch alone.
  holder TEXT,
  leased_at_ms INTEGER,
  lease_ends_at_ms INTEGER,
  -- What the new key is made of on this side, sealed; erased when it is no longer needed.
  material_algorithm TEXT,
  material_key_id TEXT,
  material_wrapped_key BLOB,
  material_ciphertext BLOB,
  CHECK ((state IN ('DONE', 'ROLLED_BACK', 'FAILED')) = (ended_at_ms IS NOT NULL)),
  CHECK ((reason IS NULL) = (ended_at_ms IS NULL)),
  CHECK ((state = 'NEEDS_ATTENTION') = (resumes_as IS NOT NULL)),
  CHECK (to_version IS NOT NULL OR state NOT IN ('MINTING', 'MINTED', 'PROBING', 'CUTOVER', 'GRACE', 'DISABLING',
    'SOAK', 'REVOKING', 'DONE')),
  CHECK (state <> 'MINTING' OR step_id IS NOT NULL),
  CHECK (from_version IS NULL OR from_version <> to_version),
  CHECK ((holder IS NULL) = (leased_at_ms IS NULL) AND (holder IS NULL) = (lease_ends_at_ms IS NULL)),
  CHECK (holder IS NULL OR ended_at_ms IS NULL),
  CHECK ((material_algorithm IS NULL) = (material_ciphertext IS NULL)
    AND (material_key_id IS NULL) = (material_ciphertext IS NULL)
    AND (material_wrapped_key IS NULL) = (material_ciphertext IS NULL)),
  CHECK (material_ciphertext IS NULL OR state IN ('MINTING', 'CLEANUP', 'NEEDS_ATTENTION'))
) STRICT;

CREATE UNIQUE INDEX rotation_runs_open ON rotation_runs (rotation_id) WHERE ended_at_ms IS NULL;
CREATE UNIQUE INDEX rotation_runs_open_of ON rotation_runs (secret_id, environment) WHERE ended_at_ms IS NULL;
CREATE UNIQUE INDEX rotation_runs_principals ON rotation_runs (provider, principal)
  WHERE ended_at_ms IS NULL AND principal IS NOT NULL;
CREATE INDEX rotation_runs_of ON rotation_runs (rotation_id, position);
CREATE INDEX rotation_runs_materials ON rotation_runs (position) WHERE material_wrapped_key IS NOT NULL;

CREATE TRIGGER rotation_runs_begin_planned BEFORE INSERT ON rotation_runs
WHEN NEW.state <> 'PLANNED' OR NEW.to_version IS NOT NULL OR NEW.epoch <> 0
BEGIN
  SELECT RAISE(ABORT, 'a run begins before anything was done');
END;

-- INSERT OR REPLACE would go round the triggers on UPDATE.
CREATE TRIGGER rotation_runs_are_not_replaced BEFORE INSERT ON rotation_runs
WHEN EXISTS (
  SELECT 1 FROM rotation_runs AS r
  WHERE r.id = NEW.id OR r.position = NEW.position OR (r.ended_at_ms IS NULL
    AND (r.rotation_id = NEW.rotation_id
      OR (r.secret_id = NEW.secret_id AND r.environment = NEW.environment)))
)
BEGIN
  SELECT RAISE(ABORT, 'a rotation has one open run, and runs are kept');
END;

CREATE TRIGGER rotation_runs_are_kept BEFORE DELETE ON rotation_runs
BEGIN
  SELECT RAISE(ABORT, 'a run is kept');
END;

CREATE TRIGGER rotation_runs_keep_their_place
BEFORE UPDATE OF position, id, rotation_id, secret_id, secret, environment, provider, begun_by, started_at_ms,
  started_by ON rotation_runs
BEGIN
  SELECT RAISE(ABORT, 'a run keeps its rotation');
END;

CREATE TRIGGER rotation_run_ends_are_final BEFORE UPDATE ON rotation_runs WHEN OLD.ended_at_ms IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a run that has ended stays so');
END;

CREATE TRIGGER rotation_runs_take_steps BEFORE UPDATE OF state ON rotation_runs
WHEN NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (VALUES
  ('PLANNED', 'PREFLIGHT'), ('PLANNED', 'FAILED'), ('PLANNED', 'NEEDS_ATTENTION'), ('PREFLIGHT', 'MINTING'),
  ('PREFLIGHT', 'AWAITING_VALUE'), ('PREFLIGHT', 'FAILED'), ('PREFLIGHT', 'NEEDS_ATTENTION'),
  ('AWAITING_VALUE', 'MINTED'), ('AWAITING_VALUE', 'FAILED'), ('AWAITING_VALUE', 'NEEDS_ATTENTION'),
  ('MINTING', 'MINTED'), ('MINTING', 'CLEANUP'), ('MINTING', 'FAILED'), ('MINTING', 'NEEDS_ATTENTION'),
  ('MINTED', 'PROBING'), ('MINTED', 'ROLLING_BACK'), ('MINTED', 'NEEDS_ATTENTION'), ('PROBING', 'CUTOVER'),
  ('PROBING', 'ROLLING_BACK'), ('PROBING', 'NEEDS_ATTENTION'), ('CUTOVER', 'GRACE'),
  ('CUTOVER', 'ROLLING_BACK'), ('CUTOVER', 'NEEDS_ATTENTION'), ('GRACE', 'DISABLING'), ('GRACE', 'REVOKING'),
  ('GRACE', 'DONE'), ('GRACE', 'ROLLING_BACK'), ('GRACE', 'NEEDS_ATTENTION'), ('DISABLING', 'SOAK'),
  ('DISABLING', 'ROLLING_BACK'), ('DISABLING', 'NEEDS_ATTENTION'), ('SOAK', 'REVOKING'), ('SOAK', 'DONE'),
  ('SOAK', 'ROLLING_BACK'), ('SOAK', 'NEEDS_ATTENTION'), ('REVOKING', 'DONE'),
  ('REVOKING', 'NEEDS_ATTENTION'), ('ROLLING_BACK', 'CLEANUP'), ('ROLLING_BACK', 'NEEDS_ATTENTION'),
  ('CLEANUP', 'ROLLED_BACK'), ('CLEANUP', 'FAILED'), ('CLEANUP', 'NEEDS_ATTENTION'),
  ('NEEDS_ATTENTION', 'PREFLIGHT'), ('NEEDS_ATTENTION', 'AWAITING_VALUE'), ('NEEDS_ATTENTION', 'MINTING'),
  ('NEEDS_ATTENTION', 'MINTED'), ('NEEDS_ATTENTION', 'PROBING'), ('NEEDS_ATTENTION', 'CUTOVER'),
  ('NEEDS_ATTENTION', 'GRACE'), ('NEEDS_ATTENTION', 'DISABLING'), ('NEEDS_ATTENTION', 'SOAK'),
  ('NEEDS_ATTENTION', 'REVOKING'), ('NEEDS_ATTENTION', 'ROLLING_BACK'), ('NEEDS_ATTENTION', 'CLEANUP'),
  ('NEEDS_ATTENTION', 'FAILED')
)
BEGIN
  SELECT RAISE(ABORT, 'a run does not go from its state to that one');
END;

CREATE TRIGGER rotation_runs_resume_where_they_stood BEFORE UPDATE OF state, resumes_as ON rotation_runs
WHEN NEW.state = 'NEEDS_ATTENTION'
  AND NEW.resumes_as IS NOT iif(OLD.state = 'NEEDS_ATTENTION', OLD.resumes_as, OLD.state)
BEGIN
  SELECT RAISE(ABORT, 'a run that needs attention says where it stood');
END;

CREATE TRIGGER rotation_runs_that_revoke_go_on BEFORE UPDATE OF state ON rotation_runs
WHEN OLD.resumes_as = 'REVOKING' AND NEW.state NOT IN ('REVOKING', 'NEEDS_ATTENTION')
BEGIN
  SELECT RAISE(ABORT, 'from revoking on there is no way back');
END;

CREATE TRIGGER rotation_run_epochs_only_grow BEFORE UPDATE OF epoch ON rotation_runs WHEN NEW.epoch < OLD.epoch
BEGIN
  SELECT RAISE(ABORT, 'a lease is never given again');
END;

CREATE TRIGGER rotation_runs_keep_their_versions BEFORE UPDATE OF from_version, to_version ON rotation_runs
WHEN (OLD.to_version IS NOT NULL AND NEW.to_version IS NOT OLD.to_version)
  OR (NEW.from_version IS NOT OLD.from_version AND EXISTS (
    SELECT 1 FROM versions AS v
    WHERE v.secret_id = OLD.secret_id AND v.environment = OLD.environment AND v.version = OLD.to_version
  ))
BEGIN
  SELECT RAISE(ABORT, 'a run keeps its versions');
END;

-- The number that a run reserves is the newest one, and nobody's yet.
CREATE TRIGGER rotation_runs_reserve_new_numbers BEFORE UPDATE OF to_version ON rotation_runs
WHEN OLD.to_version IS NULL AND NEW.to_version IS NOT NULL AND (
  NOT EXISTS (
    SELECT 1 FROM secret_environments AS e
    WHERE e.secret_id = NEW.secret_id AND e.environment = NEW.environment
      AND e.last_version = NEW.to_version
  ) OR (NEW.state = 'MINTING' AND EXISTS (
    SELECT 1 FROM versions AS v
    WHERE v.secret_id = NEW.secret_id AND v.environment = NEW.environment AND v.version = NEW.to_version
  ))
)
BEGIN
  SELECT RAISE(ABORT, 'a run reserves the newest number before it is used');
END;

CREATE TRIGGER rotation_runs_seal_what_they_minted BEFORE UPDATE OF state ON rotation_runs
WHEN NEW.state = 'MINTED' AND OLD.state <> 'MINTED' AND NOT EXISTS (
  SELECT 1 FROM versions AS v
  WHERE v.secret_id = NEW.secret_id AND v.environment = NEW.environment AND v.version = NEW.to_version
    AND v.ciphertext IS NOT NULL AND v.revoked_at_ms IS NULL
)
BEGIN
  SELECT RAISE(ABORT, 'what was minted is sealed in the version of the run');
END;

CREATE TRIGGER rotation_runs_leave_no_number_open BEFORE UPDATE OF ended_at_ms ON rotation_runs
WHEN NEW.ended_at_ms IS NOT NULL AND NEW.to_version IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM versions AS v
  WHERE v.secret_id = NEW.secret_id AND v.environment = NEW.environment AND v.version = NEW.to_version
)
BEGIN
  SELECT RAISE(ABORT, 'a number that was reserved and not used is kept as destroyed');
END;

-- A number is used by the command that claims it, or by the run that has reserved it.
DROP TRIGGER version_numbers_are_claimed;
CREATE TRIGGER version_numbers_are_claimed
BEFORE INSERT ON versions
WHEN NOT EXISTS (
  SELECT 1 FROM secret_environments AS e
  WHERE e.secret_id = NEW.secret_id AND e.environment = NEW.environment
    AND e.last_version = NEW.version
) AND NOT EXISTS (
  SELECT 1 FROM rotation_runs AS r
  WHERE r.secret_id = NEW.secret_id AND r.environment = NEW.environment AND r.ended_at_ms IS NULL
    AND r.to_version = NEW.version
)
BEGIN
  SELECT RAISE(ABORT, 'a version number is claimed before it is used');
END;

-- The old key is off, or on its way out: its version comes back only when the run has enabled it again.
CREATE TRIGGER rotation_runs_hold_the_pointer BEFORE UPDATE OF current_version ON secret_environments
WHEN NEW.current_version IS NOT OLD.current_version AND EXISTS (
  SELECT 1 FROM rotation_runs AS r
  WHERE r.secret_id = NEW.secret_id AND r.environment = NEW.environment AND r.ended_at_ms IS NULL
    AND coalesce(r.resumes_as, r.state) IN ('DISABLING', 'SOAK', 'REVOKING')
    AND NEW.current_version = r.from_version
)
BEGIN
  SELECT RAISE(ABORT, 'a version whose key is disabled does not become current');
END;

-- What a person reads of a run.
CREATE TABLE run_events (
  position INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES rotation_runs (id),
  at_ms INTEGER NOT NULL,
  state TEXT NOT NULL,
  actor TEXT NOT NULL,
  note TEXT NOT NULL
) STRICT;

CREATE INDEX run_events_of ON run_events (run_id, position);

CREATE TRIGGER run_events_are_immutable BEFORE UPDATE ON run_events
BEGIN
  SELECT RAISE(ABORT, 'the history of a run is append-only');
END;

CREATE TRIGGER run_events_are_kept BEFORE DELETE ON run_events
BEGIN
  SELECT RAISE(ABORT, 'the history of a run is append-only');
END;

CREATE TRIGGER run_events_are_not_replaced BEFORE INSERT ON run_events
WHEN EXISTS (SELECT 1 FROM run_events WHERE position = NEW.position)
BEGIN
  SELECT RAISE(ABORT, 'the history of a run is append-only');
END;

-- What the key of a version is at its provider. A reserved version may have one before it has a value.
CREATE TABLE provider_keys (
  secret_id TEXT NOT NULL,
  environment TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (version >= 1),
  state TEXT NOT NULL CHECK (state IN ('none', 'unknown', 'live', 'disabled', 'revoked', 'expired')),
  key_id TEXT,
  PRIMARY KEY (secret_id, environment, version),
  FOREIGN KEY (secret_id, environment)
    REFERENCES secret_environments (secret_id, environment) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
