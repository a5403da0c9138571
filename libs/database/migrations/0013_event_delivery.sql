-- An event that was held until it was due has an id of its own: that of the commit that emitted it.
alter table event
  add column id_revision bigint,
  add column id_index integer,
  add column accepted_us bigint,
  add column due_us bigint,
  add column expires_us bigint,
  add column order_key text collate "C" not null default '';
--> statement-breakpoint
create index event_of_id on event (id_revision, id_index) where id_revision is not null;
--> statement-breakpoint
-- Events that are held until they are due.
create table delayed_event (
  revision bigint not null,
  event_index integer not null,
  accepted_us bigint not null,
  due_us bigint not null,
  expires_us bigint,
  namespace text collate "C" not null,
  type text collate "C" not null,
  payload text not null,
  producer text collate "C" not null,
  correlation_id text collate "C" not null,
  order_key text collate "C" not null,
  writer text not null,
  primary key (revision, event_index)
);
--> statement-breakpoint
create index delayed_event_due on delayed_event (due_us, revision, event_index);
--> statement-breakpoint
-- Keys that events were emitted with, as long as another event with the same one is not emitted.
create table event_key (
  namespace text collate "C" not null,
  key text collate "C" not null,
  revision bigint not null,
  event_index integer not null,
  expires_us bigint not null,
  primary key (namespace, key)
);
--> statement-breakpoint
create index event_key_expiry on event_key (expires_us);
