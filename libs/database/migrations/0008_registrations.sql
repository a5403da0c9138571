-- Notifiers that are there: each renews its row. Times are PostgreSQL's.
create table notifier (
  id text collate "C" primary key,
  lease_until timestamptz not null
);
--> statement-breakpoint
-- Shares of the registrations. The owner of a bucket, who must be in notifier, delivers what its registrations select; what it
-- stores names the epoch, which goes up with every claim.
create table registration_bucket (
  bucket smallint primary key,
  owner text collate "C" not null default '',
  epoch bigint not null default 0,
  -- Goes up with every change of what its registrations are; a registration has the one of its own last change.
  version bigint not null default 0,
  -- Up to where the registrations of this history that are not behind were delivered.
  log_id text not null default '',
  delivered_revision bigint not null default 0
);
--> statement-breakpoint
insert into registration_bucket (bucket) select generate_series(0, 63);
--> statement-breakpoint
create table registration (
  token text collate "C" primary key,
  bucket smallint not null references registration_bucket,
  version bigint not null,
  -- Who made it, and what the token of the last registering or renewing allows.
  subject text not null,
  level smallint not null,
  scopes text[] not null,
  token_end timestamptz not null,
  service text collate "C" not null,
  -- Empty: none.
  key text collate "C" not null,
  -- A RegisterRequest.
  request bytea not null,
  -- The types of the entities that it names.
  entity_types jsonb not null,
  lease_ms integer not null,
  lease_until timestamptz not null,
  created_at timestamptz not null,
  log_id text not null,
  -- Up to where it was delivered, if it is behind; otherwise that of the bucket counts, if it is greater.
  delivered_revision bigint not null,
  is_behind boolean not null,
  -- Null until it is over.
  ended_at timestamptz,
  end_code text not null default '',
  end_message text not null default '',
  -- Whether its last message was sent.
  is_announced boolean not null default false
);
--> statement-breakpoint
create unique index registration_key on registration (subject, key) where key <> '' and ended_at is null;
--> statement-breakpoint
create index registration_version on registration (bucket, version);
--> statement-breakpoint
create index registration_lease on registration (lease_until) where ended_at is null;
--> statement-breakpoint
create index registration_end on registration (ended_at) where ended_at is not null;
--> statement-breakpoint
create index registration_subject on registration (subject, token);
