-- Whether an occurrence is over is told by one column, which changes with that alone: claiming it and beginning an attempt
-- change no column of an index, so that PostgreSQL writes the row and nothing else.
update occurrence set ended_us = case when state >= 4 then wake_us end where (ended_us is null) <> (state < 4);
--> statement-breakpoint
alter table occurrence
  add constraint occurrence_over check ((ended_us is null) = (state < 4)),
  -- Until when somebody else must leave it to whoever has it; says nothing without a claim.
  add column lease_us bigint not null default 0,
  -- The newest attempt; null: there is none, or it is a row of its own. Earlier ones are rows.
  add column attempt_us bigint,
  add column attempt_scheduler text not null default '',
  add column attempt_ended_us bigint,
  add column attempt_outcome smallint not null default 0,
  add column attempt_status_code integer not null default 0,
  add column attempt_result text not null default '',
  add column attempt_error text not null default '';
--> statement-breakpoint
-- What is under way is ended where it will be looked for.
with open_attempt as (
  delete from attempt using occurrence
  where attempt.ended_us is null and occurrence.id = attempt.occurrence_id and occurrence.attempts = attempt.number
  returning attempt.*)
update occurrence set attempt_us = open_attempt.started_us, attempt_scheduler = open_attempt.scheduler
from open_attempt where occurrence.id = open_attempt.occurrence_id;
--> statement-breakpoint
-- Room for a row as it was and as it is.
alter table occurrence set (fillfactor = 50);
--> statement-breakpoint
drop index occurrence_wake, occurrence_open, occurrence_end;
--> statement-breakpoint
create index occurrence_wake on occurrence (wake_us) where ended_us is null;
--> statement-breakpoint
create index occurrence_open on occurrence (schedule_id) where ended_us is null;
--> statement-breakpoint
create index occurrence_end on occurrence (ended_us) where ended_us is not null;
--> statement-breakpoint
-- All attempts.
create view occurrence_attempt as
  select occurrence_id, number, scheduler, started_us, ended_us, outcome, status_code, result, error from attempt
  union all
  select id, attempts, attempt_scheduler, attempt_us, attempt_ended_us, attempt_outcome, attempt_status_code, attempt_result,
    attempt_error
  from occurrence where attempt_us is not null;
