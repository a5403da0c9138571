-- Schedules: what the writer commits, and how far the schedulers have got. Times are microseconds since 1970, on PostgreSQL's clock.
create table schedule (
  id text collate "C" primary key,
  namespace text collate "C" not null,
  -- Empty: none. Otherwise the only one of the namespace that is not deleted; the writer sees to it.
  name text collate "C" not null,
  revision bigint not null,
  -- 1 active, 2 paused, 4 deleted.
  state smallint not null,
  -- A PutSchedule without id, secret and conditions.
  definition bytea not null,
  -- The rule as JSON with everything filled in.
  rule_spec text not null,
  tags jsonb not null,
  -- Encrypted; null: none.
  secret bytea,
  writer text not null,
  created_us bigint not null,
  changed_us bigint not null,
  -- The revision since which occurrences are planned as they are now.
  plan_revision bigint not null,
  -- Every occurrence up to here has its row, or stands in one with others.
  planned_us bigint not null,
  -- When the next occurrences are to be planned, less the look-ahead; null: there is nothing to plan.
  plan_us bigint,
  -- Occurrences up to here that have no row did not fire, for this reason.
  idle_until_us bigint not null default 0,
  idle_reason text not null default '',
  failing_us bigint,
  disabled_reason text not null default ''
);
--> statement-breakpoint
create index schedule_name on schedule (namespace, name);
--> statement-breakpoint
create index schedule_created on schedule (created_us desc, id desc);
--> statement-breakpoint
create index schedule_tags on schedule using gin (tags);
--> statement-breakpoint
create index schedule_plan on schedule (plan_us) where plan_us is not null;
--> statement-breakpoint
-- Occurrences: a row for each time of a schedule.
create table occurrence (
  id text collate "C" primary key,
  schedule_id text collate "C" not null,
  nominal_us bigint not null,
  -- When it was to fire first.
  due_us bigint not null,
  -- As OccurrenceState: 1 pending, 2 claimed, 3 running, and the final ones from 4 on.
  state smallint not null,
  -- As OccurrenceCause.
  cause smallint not null,
  reason text not null default '',
  -- When somebody must see to it: it is due, or the lease of its scheduler ends.
  wake_us bigint not null,
  -- Who has it, by a number of the claim; null: nobody.
  claim text collate "C",
  -- Attempts begun, and those of them that count against the most there may be.
  attempts integer not null default 0,
  tries integer not null default 0,
  -- Goes up when it is run again.
  run integer not null default 0,
  schedule_revision bigint not null,
  created_us bigint not null,
  started_us bigint,
  ended_us bigint,
  error text not null default '',
  -- Several that ended the same way, and the time of the last of them.
  size bigint not null default 1,
  last_nominal_us bigint not null
);
--> statement-breakpoint
create unique index occurrence_nominal on occurrence (schedule_id, nominal_us);
--> statement-breakpoint
create index occurrence_wake on occurrence (wake_us) where state < 4;
--> statement-breakpoint
create index occurrence_open on occurrence (schedule_id) where state < 4;
--> statement-breakpoint
create index occurrence_time on occurrence (nominal_us, id);
--> statement-breakpoint
create index occurrence_end on occurrence (ended_us) where state >= 4;
--> statement-breakpoint
-- What was tried.
create table attempt (
  occurrence_id text collate "C" not null references occurrence on delete cascade,
  number integer not null,
  scheduler text not null,
  started_us bigint not null,
  ended_us bigint,
  -- As AttemptOutcome.
  outcome smallint not null default 0,
  status_code integer not null default 0,
  result text not null default '',
  error text not null default '',
  primary key (occurrence_id, number)
);
