-- Who looks for open alerts finds them newest first, not by an end that none of them has.
DROP INDEX alerts_by_end;
CREATE INDEX alerts_by_end ON alerts (closed_at_ms) WHERE closed_at_ms IS NOT NULL;
CREATE INDEX alerts_open_by_id ON alerts (id, environment, secret) WHERE closed_at_ms IS NULL;

-- Counted on each page of the console: by urgency and kind, without sorting.
CREATE INDEX alerts_unseen_by_kind ON alerts (urgency, kind, environment, secret, id)
  WHERE closed_at_ms IS NULL AND acknowledged_at_ms IS NULL;
