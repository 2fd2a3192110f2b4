-- How many alerts are open stands on each page of the console and in the metrics: counted as they open and close, not
-- each time anew. It follows from `alerts`.
CREATE TABLE alert_counts (
  urgency INTEGER NOT NULL,
  kind TEXT NOT NULL,
  environment TEXT NOT NULL, -- '' of those about none
  open INTEGER NOT NULL,
  unseen INTEGER NOT NULL,
  PRIMARY KEY (urgency, kind, environment)
) STRICT, WITHOUT ROWID;

INSERT INTO alert_counts
SELECT urgency, kind, coalesce(environment, ''), count(*), count(*) FILTER (WHERE acknowledged_at_ms IS NULL)
FROM alerts WHERE closed_at_ms IS NULL GROUP BY 1, 2, 3;

CREATE TRIGGER alerts_that_open_are_counted AFTER INSERT ON alerts WHEN NEW.closed_at_ms IS NULL
BEGIN
  INSERT INTO alert_counts
  VALUES (NEW.urgency, NEW.kind, coalesce(NEW.environment, ''), 1, NEW.acknowledged_at_ms IS NULL)
  ON CONFLICT DO UPDATE SET open = open + 1, unseen = unseen + excluded.unseen;
END;

CREATE TRIGGER alerts_that_close_are_not_counted
AFTER UPDATE OF closed_at_ms ON alerts WHEN OLD.closed_at_ms IS NULL AND NEW.closed_at_ms IS NOT NULL
BEGIN
  UPDATE alert_counts SET open = open - 1, unseen = unseen - (OLD.acknowledged_at_ms IS NULL)
  WHERE urgency = OLD.urgency AND kind = OLD.kind AND environment = coalesce(OLD.environment, '');
END;

CREATE TRIGGER alerts_that_go_are_not_counted AFTER DELETE ON alerts WHEN OLD.closed_at_ms IS NULL
BEGIN
  UPDATE alert_counts SET open = open - 1, unseen = unseen - (OLD.acknowledged_at_ms IS NULL)
  WHERE urgency = OLD.urgency AND kind = OLD.kind AND environment = coalesce(OLD.environment, '');
END;

-- Seen, or more urgent and so to be seen again.
CREATE TRIGGER alerts_are_counted_as_they_are
AFTER UPDATE OF urgency, acknowledged_at_ms ON alerts
WHEN OLD.closed_at_ms IS NULL AND NEW.closed_at_ms IS NULL
  AND (OLD.urgency, OLD.acknowledged_at_ms IS NULL) IS NOT (NEW.urgency, NEW.acknowledged_at_ms IS NULL)
BEGIN
  UPDATE alert_counts SET open = open - 1, unseen = unseen - (OLD.acknowledged_at_ms IS NULL)
  WHERE urgency = OLD.urgency AND kind = OLD.kind AND environment = coalesce(OLD.environment, '');
  INSERT INTO alert_counts
  VALUES (NEW.urgency, NEW.kind, coalesce(NEW.environment, ''), 1, NEW.acknowledged_at_ms IS NULL)
  ON CONFLICT DO UPDATE SET open = open + 1, unseen = unseen + excluded.unseen;
END;

-- Counted from the alerts themselves for who is limited to names of secrets.
DROP INDEX alerts_unseen_by_kind;
CREATE INDEX alerts_unseen_by_secret ON alerts (secret, environment, urgency, kind, acknowledged_at_ms, closed_at_ms)
  WHERE closed_at_ms IS NULL AND acknowledged_at_ms IS NULL;
