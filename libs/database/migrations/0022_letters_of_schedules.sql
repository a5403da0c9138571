-- Of which schedules the dead letters of an action were: who may not see those does not see it.
create table dead_letter_action_schedule (
  action_id bigint not null references dead_letter_action (id) on delete cascade,
  schedule_id text collate "C" not null,
  letters bigint not null,
  primary key (action_id, schedule_id)
);
--> statement-breakpoint
-- Of which they were is not known: of none that anybody sees who does not see all.
insert into dead_letter_action_schedule (action_id, schedule_id, letters)
select id, '', letters from dead_letter_action;
