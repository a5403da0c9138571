-- What groups want to handle. Each is a durable consumer of the stream of events, which has the id as its name and can be made
-- again from this row.
create table event_subscription (
  id text collate "C" primary key,
  namespace text collate "C" not null references namespace,
  -- Of a broadcast `@<node id>`.
  group_name text collate "C" not null,
  pattern text collate "C" not null,
  -- The pattern as a regular expression.
  type_regex text not null,
  ack_ms integer not null,
  max_attempts integer not null,
  retry_ms integer not null,
  most_retry_ms integer not null,
  max_losses integer not null,
  in_order boolean not null,
  -- Up to this event all are handled, or dead letters.
  floor_revision bigint not null,
  floor_index integer not null,
  -- When the consumer was made last: what was emitted before may have been handled, in part.
  consumer_at timestamptz not null,
  created_at timestamptz not null,
  unique (namespace, group_name, pattern)
);
--> statement-breakpoint
-- Nodes that consume subscriptions at this moment. Notifiers renew what they serve.
create table event_consuming (
  subscription_id text collate "C" not null references event_subscription on delete cascade,
  stream_id text collate "C" not null,
  node_id text collate "C" not null,
  lease_until timestamptz not null,
  primary key (subscription_id, stream_id)
);
--> statement-breakpoint
-- Events that did not go well, above the floors of their subscriptions.
create table event_attempt (
  subscription_id text collate "C" not null references event_subscription on delete cascade,
  revision bigint not null,
  event_index integer not null,
  failures integer not null default 0,
  -- How often it was given back.
  releases integer not null default 0,
  -- The delivery that was answered last: an answer that comes twice counts once.
  last_answer text not null default '',
  is_dead boolean not null default false,
  updated_at timestamptz not null,
  primary key (subscription_id, revision, event_index)
);
--> statement-breakpoint
-- Events that could not be handled.
create table dead_letter (
  id bigint generated always as identity primary key,
  namespace text collate "C" not null references namespace,
  -- Empty: no group wants it.
  group_name text collate "C" not null,
  revision bigint not null,
  event_index integer not null,
  event_id text collate "C" not null,
  emitted_us bigint not null,
  type text collate "C" not null,
  payload text not null,
  producer text collate "C" not null,
  correlation_id text collate "C" not null,
  order_key text collate "C" not null,
  -- As in event.
  attributes text not null,
  writer text not null,
  -- A DeadLetterReason.
  reason smallint not null,
  error text not null,
  fingerprint text collate "C" not null,
  attempts integer not null,
  node_id text collate "C" not null,
  died_at timestamptz not null,
  -- A DeadLetterState.
  state smallint not null default 1,
  replays integer not null default 0,
  replay_action bigint not null default 0,
  -- Of a replay: when it may begin, until when a node has it, and how often nodes were given it.
  due_at timestamptz,
  claimed_until timestamptz,
  claims integer not null default 0,
  releases integer not null default 0,
  replayed_at timestamptz,
  unique (namespace, group_name, revision, event_index)
);
--> statement-breakpoint
create index dead_letter_of_namespace on dead_letter (namespace, id);
--> statement-breakpoint
create index dead_letter_fingerprint on dead_letter (namespace, fingerprint, id);
--> statement-breakpoint
create index dead_letter_replay on dead_letter (namespace, group_name, due_at) where state = 2;
--> statement-breakpoint
-- Who replayed and purged dead letters.
create table dead_letter_action (
  id bigint generated always as identity primary key,
  namespace text collate "C" not null references namespace,
  kind text not null,
  subject text not null,
  acted_at timestamptz not null,
  -- A DeadLetterFilter.
  filter bytea not null,
  letters bigint not null
);
--> statement-breakpoint
create index dead_letter_action_of_namespace on dead_letter_action (namespace, id);
--> statement-breakpoint
-- Up to this event, those of a namespace that no group wants are dead letters.
create table event_unclaimed (
  namespace text collate "C" primary key references namespace,
  revision bigint not null,
  event_index integer not null
);
