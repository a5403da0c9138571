-- What all services follow: goes up with every new key, every retired one and every revocation, and is locked meanwhile.
create table token_trust (
  id boolean primary key default true check (id),
  version bigint not null default 0
);
--> statement-breakpoint
insert into token_trust default values;
--> statement-breakpoint
create table token_key (
  key_id text collate "C" primary key,
  algorithm text not null,
  -- A JWK.
  public_key jsonb not null,
  -- A JWK, encrypted.
  sealed_key bytea not null,
  signs_from timestamptz not null
);
--> statement-breakpoint
-- What was minted. The tokens themselves are not kept.
create table token (
  token_id text collate "C" primary key,
  subject text not null,
  level smallint not null,
  scopes text[] not null,
  form smallint not null,
  -- Empty: the configured secret.
  key_id text collate "C" not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  sequence bigint generated always as identity,
  -- Null until it is.
  revoked_at timestamptz,
  revoked_by text not null default '',
  reason text not null default ''
);
--> statement-breakpoint
create unique index token_sequence on token (sequence);
--> statement-breakpoint
create index token_subject on token (subject, sequence);
--> statement-breakpoint
create index token_end on token (expires_at);
--> statement-breakpoint
-- Of one token, or of all of a subject that were issued until then; of any issuer.
create table token_revocation (
  version bigint primary key,
  token_id text,
  subject text,
  issued_until timestamptz,
  -- When what it ends has ended anyway.
  until timestamptz not null
);
--> statement-breakpoint
create index token_revocation_end on token_revocation (until);
--> statement-breakpoint
create table audit (
  audit_id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  subject text not null,
  token_id text not null,
  action text not null,
  target text not null,
  detail jsonb not null
);
--> statement-breakpoint
create index audit_at on audit (at);
--> statement-breakpoint
create index audit_subject on audit (subject, audit_id);
--> statement-breakpoint
create index audit_action on audit (action, audit_id);
--> statement-breakpoint
-- The token of the last registering or renewing: what it made ends with it.
alter table registration add column token_id text not null default '';
--> statement-breakpoint
create index registration_token_id on registration (token_id) where ended_at is null;
