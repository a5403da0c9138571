-- Namespaces of events. Never deleted: the writer remembers which there are.
create table namespace (
  name text collate "C" primary key,
  description text not null,
  metadata jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
--> statement-breakpoint
-- Events, as their commits emitted them; partitioned by time. The payload is JSON, kept as it was given.
create table event (
  revision bigint not null,
  event_index integer not null,
  emitted_us bigint not null,
  namespace text collate "C" not null,
  type text collate "C" not null,
  payload text not null,
  producer text collate "C" not null,
  correlation_id text collate "C" not null,
  writer text not null,
  primary key (revision, event_index, emitted_us)
) partition by range (emitted_us);
--> statement-breakpoint
create index event_of_namespace on event (namespace, emitted_us, revision, event_index);
--> statement-breakpoint
create index event_of_type on event (namespace, type, emitted_us, revision, event_index);
--> statement-breakpoint
create index event_of_producer on event (namespace, producer, emitted_us, revision, event_index) where producer <> '';
--> statement-breakpoint
create index event_of_correlation on event (namespace, correlation_id, emitted_us, revision, event_index)
where correlation_id <> '';
