-- Old occurrences are found by their times: one index less that every occurrence enters when it is over.
drop index occurrence_end;
