-- Who is signed in at the console. An admin's session names its row; one by OpenID Connect says itself who it is.
CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  origin TEXT NOT NULL CHECK (origin IN ('token', 'link', 'oidc')),
  admin_id TEXT NOT NULL,
  identity TEXT CHECK (identity IS NULL OR json_type(identity) = 'object'),
  token_id TEXT NOT NULL UNIQUE,
  token_hash BLOB NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  last_seen_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  CHECK ((origin = 'oidc') = (identity IS NOT NULL))
) STRICT;

CREATE INDEX sessions_by_admin ON sessions (admin_id) WHERE ended_at_ms IS NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

CREATE TABLE sign_in_links (
  id TEXT NOT NULL PRIMARY KEY,
  admin_id TEXT NOT NULL,
  token_id TEXT NOT NULL UNIQUE,
  token_hash BLOB NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  used_at_ms INTEGER
) STRICT;

CREATE TRIGGER sign_in_links_are_used_once BEFORE UPDATE ON sign_in_links WHEN OLD.used_at_ms IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a sign-in link is used once');
END;

CREATE TRIGGER ended_sessions_stay_ended BEFORE UPDATE ON sessions WHEN OLD.ended_at_ms IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a session that has ended stays so');
END;
