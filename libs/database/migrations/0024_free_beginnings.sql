-- Schedules whose occurrences may begin as soon as they are claimed: they call no target, and may overlap. One that was put
-- before is looked at when it is put again; until then its occurrences begin by a statement of their own.
alter table schedule add column begins_freely boolean not null default false;
