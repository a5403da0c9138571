-- What takes more than two kilobytes is compressed by lz4, where PostgreSQL was built with it: decision 0024.
do $$
declare
  large record;
begin
  if not exists (select from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)) then
    return;
  end if;
  for large in
    select relid as relation, 'record' as name from pg_partition_tree('log')
    union all select relid, 'payload' from pg_partition_tree('event')
    union all select 'delayed_event'::regclass, 'payload'
    union all select 'field'::regclass, 'value'
    union all select 'request'::regclass, 'response'
  loop
    execute format('alter table %s alter column %I set compression lz4', large.relation, large.name);
  end loop;
end
$$;
