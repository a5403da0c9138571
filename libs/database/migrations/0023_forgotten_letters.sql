-- By these, dead letters are found that are to be forgotten, without a look at the others.
create index dead_letter_replayed on dead_letter (replayed_at) where state = 3;
--> statement-breakpoint
create index dead_letter_unwanted on dead_letter (died_at) where state = 1 and group_name = '';
