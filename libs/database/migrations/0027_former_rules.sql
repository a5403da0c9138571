-- Rules that schedules had, or that were deleted with them, of which times may have no row: schedulers make those.
create table former_rule (
  schedule_id text collate "C" not null,
  -- What the schedule was.
  revision bigint not null,
  definition bytea not null,
  rule_spec text not null,
  -- Times after this, and up to that.
  planned_us bigint not null,
  until_us bigint not null,
  -- Up to here they did not fire, for this reason.
  idle_until_us bigint not null,
  idle_reason text not null,
  primary key (schedule_id, revision)
);
