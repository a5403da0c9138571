-- A group that handles its events in order has one stream of a node at a time that gives them out.
alter table event_subscription
  add column owner_stream text collate "C" not null default '',
  add column owner_until timestamptz not null default '-infinity',
  -- When a node consumed it last.
  add column consumed_at timestamptz not null default clock_timestamp();
--> statement-breakpoint
-- In groups with an order, the event of each key that was given to a node last.
create table event_turn (
  subscription_id text collate "C" not null references event_subscription on delete cascade,
  order_key text collate "C" not null,
  revision bigint not null,
  event_index integer not null,
  -- It is handled, or a dead letter: the next one may come.
  is_done boolean not null,
  -- How often it was given to a node.
  handings integer not null,
  node_id text collate "C" not null,
  -- Until then it is not given to a node again.
  busy_until timestamptz not null,
  primary key (subscription_id, order_key)
);
--> statement-breakpoint
create index event_turn_place on event_turn (subscription_id, revision, event_index);
--> statement-breakpoint
create index delayed_event_of_namespace on delayed_event (namespace, due_us, revision, event_index);
