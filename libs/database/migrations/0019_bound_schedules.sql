-- Schedules of which parts are what fields of the store hold.
alter table schedule add column is_bound boolean not null default false;
--> statement-breakpoint
create index schedule_bound on schedule (id) where is_bound;
