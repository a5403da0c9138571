-- Keys and members of sets that end by themselves. No part of the store.
create table temporary_key (
  key text collate "C" primary key,
  value text not null,
  expires_at timestamptz not null
);
--> statement-breakpoint
create index temporary_key_expires_at on temporary_key (expires_at);
--> statement-breakpoint
create table temporary_member (
  key text collate "C" not null,
  member text collate "C" not null,
  score double precision not null,
  expires_at timestamptz not null,
  primary key (key, member)
);
--> statement-breakpoint
create index temporary_member_expires_at on temporary_member (expires_at);
