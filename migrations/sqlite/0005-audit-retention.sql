-- Up to which row the audit log was pruned, with that row's mac, which the next row covers. Both are null until
-- then, and under the head's mac.
ALTER TABLE audit_head ADD COLUMN anchor_seq INTEGER;
ALTER TABLE audit_head ADD COLUMN anchor_mac BLOB;

CREATE TRIGGER audit_anchor_only_grows BEFORE UPDATE OF anchor_seq ON audit_head
WHEN coalesce(NEW.anchor_seq, 0) < coalesce(OLD.anchor_seq, 0)
BEGIN
  SELECT RAISE(ABORT, 'what was pruned from the audit log does not come back');
END;

DROP TRIGGER audit_is_append_only_delete;
CREATE TRIGGER audit_is_append_only_delete BEFORE DELETE ON audit
WHEN OLD.seq > coalesce((SELECT anchor_seq FROM audit_head), 0)
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;

DROP TRIGGER audit_is_append_only_replace;
CREATE TRIGGER audit_is_append_only_replace BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
  OR NEW.seq <= coalesce((SELECT anchor_seq FROM audit_head), 0)
BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE INDEX audit_by_environment ON audit (environment, seq);
CREATE INDEX audit_by_actor ON audit (actor_id, actor_name, seq);
CREATE INDEX audit_by_time ON audit (at_ms);
