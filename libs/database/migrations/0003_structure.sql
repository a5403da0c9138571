-- The revision that last renamed or moved an entity; 0: none did. And its place among its siblings, where the type of the
-- parent orders children explicitly.
alter table entity
  add column structure_revision bigint not null default 0,
  add column place text collate "C" not null default '';
--> statement-breakpoint
create index entity_parent_place on entity (parent_id, place, id) where place <> '';
--> statement-breakpoint
alter table tombstone
  add column structure_revision bigint not null default 0,
  add column place text collate "C" not null default '';
--> statement-breakpoint
-- Where entities were, and what their names were, before they were renamed or moved within the log's window.
create table former_place (
  entity_id text collate "C" not null,
  type text collate "C" not null,
  parent_id text collate "C" not null,
  name text collate "C" not null,
  place text collate "C" not null,
  created_revision bigint not null,
  -- The revision that put it there, and the one that changed that.
  since_revision bigint not null,
  revision bigint not null,
  primary key (entity_id, revision)
);
--> statement-breakpoint
create index former_place_parent on former_place (parent_id, revision);
--> statement-breakpoint
create index former_place_revision on former_place (revision);
