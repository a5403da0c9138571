-- Secrets of webhooks that were rotated out, for as long as requests are signed with them too.
create table schedule_secret (
  schedule_id text collate "C" not null,
  -- Encrypted, as those of schedules.
  sealed bytea not null,
  until_us bigint not null
);
--> statement-breakpoint
create index schedule_secret_of on schedule_secret (schedule_id, until_us);
--> statement-breakpoint
create index schedule_secret_end on schedule_secret (until_us);
