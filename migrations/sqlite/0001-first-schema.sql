-- Times are integer milliseconds since the Unix epoch. Ids are time-ordered UUIDs.

CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The server's own keys, wrapped under the root key. During a rekey there is a set for each root key.
CREATE TABLE stored_keys (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('canary', 'tokens', 'audit')),
  root_key_id TEXT NOT NULL,
  wrapped BLOB NOT NULL,
  UNIQUE (root_key_id, id)
) STRICT;

CREATE TABLE environments (
  name TEXT NOT NULL PRIMARY KEY,
  created_at_ms INTEGER NOT NULL,
  reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 128),
  description TEXT,
  owner TEXT,
  labels TEXT NOT NULL CHECK (json_type(labels) = 'object'),
  allowed_hosts TEXT NOT NULL CHECK (json_type(allowed_hosts) = 'array'),
  kind TEXT NOT NULL,
  criticality TEXT NOT NULL CHECK (criticality IN ('critical', 'standard')),
  rotate_every_days INTEGER CHECK (rotate_every_days > 0),
  maximum_age_days INTEGER CHECK (maximum_age_days > 0),
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;

-- One row per secret and environment that has versions. The pointers are columns, so that there can be
-- only one current and one previous version; a version's state follows from them and is kept nowhere else.
CREATE TABLE secret_environments (
  secret_id TEXT NOT NULL REFERENCES secrets (id) ON DELETE CASCADE,
  environment TEXT NOT NULL REFERENCES environments (name),
  last_version INTEGER NOT NULL DEFAULT 0 CHECK (last_version >= 0),
  current_version INTEGER,
  current_since_ms INTEGER,
  previous_version INTEGER,
  last_used_at_ms INTEGER,
  PRIMARY KEY (secret_id, environment),
  FOREIGN KEY (secret_id, environment, current_version)
    REFERENCES versions (secret_id, environment, version) DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (secret_id, environment, previous_version)
    REFERENCES versions (secret_id, environment, version) DEFERRABLE INITIALLY DEFERRED,
  CHECK ((current_version IS NULL) = (current_since_ms IS NULL)),
  CHECK (current_version IS NULL OR previous_version IS NULL OR current_version <> previous_version)
) STRICT, WITHOUT ROWID;

CREATE INDEX secret_environments_by_environment ON secret_environments (environment);

CREATE TABLE versions (
  position INTEGER PRIMARY KEY,
  secret_id TEXT NOT NULL,
  environment TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (version >= 1),
  created_at_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  activated_at_ms INTEGER,
  revoked_at_ms INTEGER,
  destroyed_at_ms INTEGER,
  expires_at_ms INTEGER,
  note TEXT,
  fields TEXT NOT NULL CHECK (json_type(fields) = 'array'),
  last_used_at_ms INTEGER,
  algorithm TEXT NOT NULL,
  key_id TEXT NOT NULL,
  wrapped_key BLOB,
  ciphertext BLOB,
  UNIQUE (secret_id, environment, version),
  FOREIGN KEY (secret_id, environment)
    REFERENCES secret_environments (secret_id, environment) ON DELETE CASCADE,
  CHECK ((ciphertext IS NULL) = (destroyed_at_ms IS NOT NULL)),
  CHECK ((wrapped_key IS NULL) = (destroyed_at_ms IS NOT NULL))
) STRICT;

-- A value never changes: it can only be erased, for good.
CREATE TRIGGER versions_are_immutable
BEFORE UPDATE OF position, secret_id, environment, version, created_at_ms, created_by, expires_at_ms,
  note, fields, algorithm ON versions
BEGIN
  SELECT RAISE(ABORT, 'a version is immutable: add the next one');
END;

CREATE TRIGGER values_are_immutable
BEFORE UPDATE OF ciphertext ON versions
WHEN OLD.ciphertext IS NULL OR NEW.ciphertext IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a value is immutable: add the next version');
END;

CREATE TRIGGER version_ends_are_final
BEFORE UPDATE OF revoked_at_ms, destroyed_at_ms ON versions
WHEN (OLD.revoked_at_ms IS NOT NULL AND NEW.revoked_at_ms IS NOT OLD.revoked_at_ms)
  OR (OLD.destroyed_at_ms IS NOT NULL AND NEW.destroyed_at_ms IS NOT OLD.destroyed_at_ms)
BEGIN
  SELECT RAISE(ABORT, 'a revoked or destroyed version stays so');
END;

-- A version goes only together with its whole secret.
CREATE TRIGGER versions_are_kept
BEFORE DELETE ON versions
WHEN EXISTS (SELECT 1 FROM secrets WHERE id = OLD.secret_id)
BEGIN
  SELECT RAISE(ABORT, 'a version is kept: destroy its value instead');
END;

-- What is current, or would be after a rollback, has a value and was not revoked.
CREATE TRIGGER pointed_versions_are_usable_when_ended
BEFORE UPDATE OF revoked_at_ms, destroyed_at_ms, ciphertext ON versions
WHEN (NEW.revoked_at_ms IS NOT NULL OR NEW.destroyed_at_ms IS NOT NULL)
  AND EXISTS (
    SELECT 1 FROM secret_environments AS e
    WHERE e.secret_id = OLD.secret_id AND e.environment = OLD.environment
      AND (e.current_version = OLD.version OR e.previous_version = OLD.version)
  )
BEGIN
  SELECT RAISE(ABORT, 'a current or previous version cannot be revoked or destroyed');
END;

CREATE TRIGGER pointed_versions_are_usable
BEFORE UPDATE OF current_version, previous_version ON secret_environments
WHEN EXISTS (
  SELECT 1 FROM (SELECT NEW.current_version AS version UNION ALL SELECT NEW.previous_version) AS p
  WHERE p.version IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM versions AS v
    WHERE v.secret_id = NEW.secret_id AND v.environment = NEW.environment AND v.version = p.version
      AND v.revoked_at_ms IS NULL AND v.ciphertext IS NOT NULL AND v.activated_at_ms IS NOT NULL
  )
)
BEGIN
  SELECT RAISE(ABORT, 'only an activated version that has its value can be current or previous');
END;

CREATE TRIGGER pointers_begin_empty
BEFORE INSERT ON secret_environments
WHEN NEW.current_version IS NOT NULL OR NEW.previous_version IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a version becomes current after it is there');
END;

CREATE TRIGGER version_numbers_only_grow
BEFORE UPDATE OF last_version ON secret_environments
WHEN NEW.last_version < OLD.last_version
BEGIN
  SELECT RAISE(ABORT, 'a version number is never reused');
END;

CREATE TRIGGER version_numbers_are_claimed
BEFORE INSERT ON versions
WHEN NOT EXISTS (
  SELECT 1 FROM secret_environments AS e
  WHERE e.secret_id = NEW.secret_id AND e.environment = NEW.environment
    AND e.last_version = NEW.version
)
BEGIN
  SELECT RAISE(ABORT, 'a version number is claimed before it is used');
END;

-- INSERT OR REPLACE would go round the triggers on UPDATE.
CREATE TRIGGER versions_are_not_replaced
BEFORE INSERT ON versions
WHEN EXISTS (
  SELECT 1 FROM versions AS v
  WHERE v.secret_id = NEW.secret_id AND v.environment = NEW.environment AND v.version = NEW.version
) OR EXISTS (SELECT 1 FROM versions AS v WHERE v.position = NEW.position)
BEGIN
  SELECT RAISE(ABORT, 'a version is immutable: add the next one');
END;

CREATE INDEX versions_staged ON versions (secret_id, environment, version)
  WHERE activated_at_ms IS NULL AND revoked_at_ms IS NULL AND destroyed_at_ms IS NULL;

CREATE VIEW version_states AS
SELECT v.position, v.secret_id, v.environment, v.version, v.created_at_ms, v.created_by,
  v.activated_at_ms, v.expires_at_ms, v.note, v.fields, v.last_used_at_ms,
  CASE
    WHEN v.destroyed_at_ms IS NOT NULL THEN 'destroyed'
    WHEN v.revoked_at_ms IS NOT NULL THEN 'revoked'
    WHEN e.current_version = v.version THEN 'current'
    WHEN v.activated_at_ms IS NULL THEN 'staged'
    ELSE 'previous'
  END AS state
FROM versions AS v
JOIN secret_environments AS e ON e.secret_id = v.secret_id AND e.environment = v.environment;

CREATE TABLE routes_revisions (
  revision INTEGER PRIMARY KEY,
  document TEXT NOT NULL CHECK (json_valid(document)),
  created_at_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('file', 'api')),
  restores INTEGER REFERENCES routes_revisions (revision)
) STRICT;

CREATE TRIGGER routes_revisions_are_immutable BEFORE UPDATE ON routes_revisions
BEGIN
  SELECT RAISE(ABORT, 'a routes revision is immutable: apply the next one');
END;

CREATE TRIGGER routes_revisions_are_not_replaced BEFORE INSERT ON routes_revisions
WHEN EXISTS (SELECT 1 FROM routes_revisions WHERE revision = NEW.revision)
BEGIN
  SELECT RAISE(ABORT, 'a routes revision is immutable: apply the next one');
END;

CREATE TRIGGER routes_revisions_are_kept BEFORE DELETE ON routes_revisions
BEGIN
  SELECT RAISE(ABORT, 'routes revisions are kept');
END;

-- Where the newest revision names secrets. By name: a route may be applied before its secret exists.
CREATE TABLE route_references (
  secret TEXT NOT NULL,
  environment TEXT NOT NULL,
  route TEXT NOT NULL,
  version INTEGER
) STRICT;

CREATE INDEX route_references_by_secret ON route_references (secret, environment);
CREATE INDEX route_references_by_environment ON route_references (environment);

CREATE TABLE clients (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  environment TEXT NOT NULL REFERENCES environments (name),
  routes TEXT CHECK (routes IS NULL OR json_type(routes) = 'array'),
  cidrs TEXT CHECK (cidrs IS NULL OR json_type(cidrs) = 'array'),
  token_id TEXT NOT NULL UNIQUE,
  token_hash BLOB NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  revoked_at_ms INTEGER,
  last_used_at_ms INTEGER
) STRICT;

CREATE UNIQUE INDEX clients_by_name ON clients (name) WHERE revoked_at_ms IS NULL;
CREATE INDEX clients_by_environment ON clients (environment);

CREATE TABLE admins (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  environments TEXT CHECK (environments IS NULL OR json_type(environments) = 'array'),
  secret_prefix TEXT,
  token_id TEXT NOT NULL UNIQUE,
  token_hash BLOB NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  revoked_at_ms INTEGER
) STRICT;

CREATE UNIQUE INDEX admins_by_name ON admins (name) WHERE revoked_at_ms IS NULL;

-- Totals, added to: never recomputed from single uses.
CREATE TABLE usage (
  secret_id TEXT NOT NULL,
  environment TEXT NOT NULL,
  version INTEGER NOT NULL,
  route TEXT NOT NULL,
  client_id TEXT NOT NULL,
  accepted INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  first_used_at_ms INTEGER NOT NULL,
  last_used_at_ms INTEGER NOT NULL,
  PRIMARY KEY (secret_id, environment, version, route, client_id),
  FOREIGN KEY (secret_id, environment, version)
    REFERENCES versions (secret_id, environment, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Each row's mac covers the row and the mac before it.
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  actor_type TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  actor_name TEXT NOT NULL,
  action TEXT NOT NULL,
  secret TEXT,
  environment TEXT,
  detail TEXT NOT NULL CHECK (json_type(detail) = 'object'),
  key_id TEXT NOT NULL,
  mac BLOB NOT NULL
) STRICT;

CREATE INDEX audit_by_secret ON audit (secret, seq);
CREATE INDEX audit_by_action ON audit (action, seq);

CREATE TRIGGER audit_is_append_only_update BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_is_append_only_replace BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_is_append_only_delete BEFORE DELETE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- The newest row's number, under a mac of its own: a tail that was cut off is seen.
CREATE TABLE audit_head (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  seq INTEGER NOT NULL,
  mac BLOB NOT NULL
) STRICT;

-- What changed, for readers that follow along. Old entries are trimmed.
CREATE TABLE changes (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  change TEXT NOT NULL
) STRICT;

CREATE TABLE idempotency (
  actor_id TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  status INTEGER,
  body TEXT,
  PRIMARY KEY (actor_id, key),
  CHECK ((status IS NULL) = (body IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_age ON idempotency (created_at_ms);
