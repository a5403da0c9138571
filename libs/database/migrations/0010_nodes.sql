-- Nodes: the processes that emit and handle events. Times are PostgreSQL's.
create table node (
  namespace text collate "C" not null references namespace,
  node_id text collate "C" not null,
  -- The process, and the start of it, that the node is.
  instance text collate "C" not null,
  takeovers bigint not null default 0,
  display_name text not null,
  description text not null,
  -- As it was given.
  metadata text not null,
  registered_at timestamptz not null,
  seen_at timestamptz not null,
  -- Null: it did not say that it stops.
  stopped_at timestamptz,
  primary key (namespace, node_id)
);
--> statement-breakpoint
create index node_seen on node (seen_at);
