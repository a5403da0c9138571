-- Schemas that were replaced, or whose types were deleted. revision is the one that did it. Kept for ever.
create table former_type (
  name text collate "C" not null,
  schema bytea not null,
  since_revision bigint not null,
  revision bigint not null,
  primary key (name, revision)
);
--> statement-breakpoint
-- What entities held in fields that were removed, or retyped, within the log's window. since_revision wrote it; revision
-- is that of the change of the type.
create table former_field (
  entity_id text collate "C" not null,
  field_id integer not null,
  value bytea not null,
  write_time_us bigint not null,
  writer text not null,
  since_revision bigint not null,
  revision bigint not null,
  primary key (entity_id, field_id, revision)
);
--> statement-breakpoint
create index former_field_revision on former_field (revision);
