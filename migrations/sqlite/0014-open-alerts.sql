-- Who looks for open alerts finds them newest first, not by an end that none of them has. What the indexes are
-- limited to stands in them too, so that what only counts or filters reads nothing else.
DROP INDEX alerts_by_end;
CREATE INDEX alerts_by_end ON alerts (closed_at_ms) WHERE closed_at_ms IS NOT NULL;
DROP INDEX alerts_unseen;
CREATE INDEX alerts_open_by_id
  ON alerts (id, urgency, kind, environment, secret, acknowledged_at_ms, closed_at_ms)
  WHERE closed_at_ms IS NULL;

-- Counted on each page of the console: by urgency and kind, without sorting.
CREATE INDEX alerts_unseen_by_kind ON alerts (urgency, kind, environment, secret, acknowledged_at_ms, closed_at_ms)
  WHERE closed_at_ms IS NULL AND acknowledged_at_ms IS NULL;
