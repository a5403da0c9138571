-- Restores that were begun. What they hold is in tables of their own, restore_<id>_<part>, which are not logged: after a
-- crash of PostgreSQL those are empty, and the restore is begun anew.
create table restore (
  id text collate "C" primary key,
  under text not null,
  expires_at timestamptz not null,
  -- What was read from the file; null until it was.
  staged jsonb,
  -- What it became; null until it was applied.
  applied jsonb
);
