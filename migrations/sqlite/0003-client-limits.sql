-- How much a client may send; null = what every client may.
ALTER TABLE clients ADD COLUMN limits TEXT CHECK (limits IS NULL OR json_type(limits) = 'object');
