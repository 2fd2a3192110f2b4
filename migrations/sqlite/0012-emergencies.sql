-- An open run may become an emergency, and nothing else, whatever began it.

DROP TRIGGER rotation_runs_keep_their_place;

CREATE TRIGGER rotation_runs_keep_their_place
BEFORE UPDATE OF position, id, rotation_id, secret_id, secret, environment, provider, started_at_ms, started_by
  ON rotation_runs
BEGIN
  SELECT RAISE(ABORT, 'a run keeps its rotation');
END;

CREATE TRIGGER rotation_runs_become_emergencies BEFORE UPDATE OF begun_by ON rotation_runs
WHEN NEW.begun_by <> OLD.begun_by AND NEW.begun_by <> 'emergency'
BEGIN
  SELECT RAISE(ABORT, 'a run becomes an emergency or stays what it was');
END;
