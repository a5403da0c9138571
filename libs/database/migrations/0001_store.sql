-- The head: one row. Every write transaction advances it, which orders commits and refuses a deposed writer.
create table head (
  id boolean primary key default true check (id),
  revision bigint not null,
  epoch bigint not null,
  holder text not null,
  lease_until timestamptz not null,
  oldest_revision bigint not null,
  next_field_id integer not null,
  log_id text not null
) with (fillfactor = 10);
--> statement-breakpoint
insert into head (revision, epoch, holder, lease_until, oldest_revision, next_field_id, log_id)
values (0, 0, '', '-infinity', 1, 1, gen_random_uuid()::text);
--> statement-breakpoint
create table entity_type (
  name text collate "C" primary key,
  schema bytea not null,
  revision bigint not null
);
--> statement-breakpoint
create table entity (
  id text collate "C" primary key,
  type text collate "C" not null,
  name text collate "C" not null,
  parent_id text collate "C" not null,
  -- The root has depth 1.
  depth smallint not null,
  created_revision bigint not null
);
--> statement-breakpoint
create index entity_type_id on entity (type, id);
--> statement-breakpoint
create index entity_parent_name on entity (parent_id, name, id);
--> statement-breakpoint
-- value is the bytes of a qcore.store.v1.Value; the keys repeat it for indexes, at most one of them, if the field is indexed.
create table field (
  entity_id text collate "C" not null,
  field_id integer not null,
  value bytea not null,
  write_time_us bigint not null,
  writer text not null,
  revision bigint not null,
  int_key bigint,
  float_key double precision,
  text_key bytea,
  primary key (entity_id, field_id)
) with (fillfactor = 70);
--> statement-breakpoint
create index field_int_key on field (field_id, int_key, entity_id) where int_key is not null;
--> statement-breakpoint
create index field_float_key on field (field_id, float_key, entity_id) where float_key is not null;
--> statement-breakpoint
create index field_text_key on field (field_id, text_key, entity_id) where text_key is not null;
--> statement-breakpoint
-- Which fields refer to an entity.
create table reference (
  target_id text collate "C" not null,
  entity_id text collate "C" not null,
  field_id integer not null,
  primary key (target_id, entity_id, field_id)
);
--> statement-breakpoint
-- record is the bytes of a qcore.store.v1.CommitRecord.
create table log (
  revision bigint not null,
  committed_us bigint not null,
  record bytea not null,
  primary key (revision)
) partition by range (revision);
--> statement-breakpoint
-- Idempotency keys of the commits in the log's window. response is the bytes of a qcore.store.v1.CommitResponse, without
-- the ids that the request itself names.
create table request (
  key text collate "C" primary key,
  revision bigint not null,
  fingerprint bytea not null,
  response bytea not null
);
--> statement-breakpoint
create index request_revision on request (revision);
--> statement-breakpoint
-- Entities that were deleted within the log's window.
create table tombstone (
  entity_id text collate "C" not null,
  revision bigint not null,
  primary key (entity_id, revision)
);
--> statement-breakpoint
create index tombstone_revision on tombstone (revision);
