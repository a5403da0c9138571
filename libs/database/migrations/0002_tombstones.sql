-- What a deleted entity was, so that the children of an entity, and the entities of a type, can be listed as of a revision.
alter table tombstone
  add column type text collate "C" not null default '',
  add column name text collate "C" not null default '',
  add column parent_id text collate "C" not null default '',
  add column created_revision bigint not null default 0;
--> statement-breakpoint
alter table tombstone
  alter column type drop default,
  alter column name drop default,
  alter column parent_id drop default,
  alter column created_revision drop default;
--> statement-breakpoint
-- Older tombstones do not tell: the past before the last of them can be read no longer.
update head set oldest_revision = greatest(oldest_revision, (select coalesce(max(revision), 0) + 1 from tombstone));
--> statement-breakpoint
create index tombstone_parent on tombstone (parent_id, revision);
--> statement-breakpoint
create index tombstone_type on tombstone (type, revision);
