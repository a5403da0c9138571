-- Further attributes of CloudEvents: a JSON object of texts; empty for none.
alter table event add column attributes text not null default '';
--> statement-breakpoint
alter table delayed_event add column attributes text not null default '';
