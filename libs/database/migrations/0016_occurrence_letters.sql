-- Occurrences of schedules that failed are dead letters too. The namespaces of schedules need no registration.
alter table dead_letter drop constraint dead_letter_namespace_fkey;
--> statement-breakpoint
alter table dead_letter_action drop constraint dead_letter_action_namespace_fkey;
--> statement-breakpoint
-- Of an occurrence: its schedule and its id, and no place in the log.
alter table dead_letter
  alter column revision drop not null,
  alter column event_index drop not null,
  add column schedule_id text collate "C",
  add column occurrence_id text collate "C";
--> statement-breakpoint
create unique index dead_letter_occurrence on dead_letter (occurrence_id) where occurrence_id is not null;
