-- Counted on each page of the console, and listed newest first.
CREATE INDEX alerts_unseen ON alerts (id, kind, urgency, environment, secret)
  WHERE closed_at_ms IS NULL AND acknowledged_at_ms IS NULL;
