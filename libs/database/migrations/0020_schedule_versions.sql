-- What schedules were, and who made them so: a row for each change, in the order of revisions and of steps within one.
create table schedule_version (
  schedule_id text collate "C" not null,
  revision bigint not null,
  step integer not null,
  -- As ScheduleVersionChange.
  change smallint not null,
  -- As in schedule.
  state smallint not null,
  definition bytea not null,
  rule_spec text not null,
  disabled_reason text not null,
  writer text not null,
  changed_us bigint not null,
  primary key (schedule_id, revision, step)
);
--> statement-breakpoint
insert into schedule_version
select id, revision, 0, 1, state, definition, rule_spec, disabled_reason, writer, changed_us from schedule;
