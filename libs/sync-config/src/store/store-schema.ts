import type { StoreNames } from '../store-names.ts'

/** In bytes of the JSON text as PostgreSQL writes it. A commit of the platform's log has room for one. */
export const valueBytes = 524_288
/** In characters. */
export const keyLength = 255

/** The SQLSTATE of a commit whose condition does not hold. */
export const conditionFailedState = 'QC001'
export const keyRefusedState = 'QC002'
export const valueRefusedState = 'QC003'
/** That of a platform's group of commits which did not expect the revision that is there. */
export const headMovedState = 'QC004'

/** A platform waits no longer for the head: its own commits wait meanwhile. */
const platformLockTimeoutMs = 250

/** The function that commits does by itself what the triggers are for. */
const isDirect = `current_setting('qcore_config.direct', true) = 'on'`

/** Nothing of the caller's search path gets into functions that run with their owner's rights. */
const guarded = 'security definer set search_path = pg_catalog, pg_temp'

/**
 * Steps that make the tables and functions of a store, the oldest first. A step that was released is never changed. The
 * table of the values may exist, with rows, as its columns `key`, `value` and `updated_at`.
 */
export function storeSteps(names: StoreNames): string[] {
  const first = [createTables(names), createTriggerFunctions(names), createTriggers(names), createCommit(names)]
  return [first.join('\n'), createApply(names)]
}

/**
 * The digest has a length before the part that could be taken for another, so that no two rows hash the same text. It is a generated column,
 * which PostgreSQL keeps right whatever happens to the triggers; a function, for its expression is prepared anew at every write.
 */
function createTables(names: StoreNames): string {
  const { table } = names
  return `
    create function ${names.of('digest')}(key text, value jsonb, expires_at timestamptz) returns bigint
    language plpgsql immutable as $digest$
    begin
      return ('x' || encode(substring(sha256(convert_to(
        octet_length(key) || ':' || key || ':' || coalesce((extract(epoch from expires_at) * 1000000)::bigint::text, '')
        || ':' || value::text, 'UTF8')) for 8), 'hex'))::bit(64)::bigint;
    end $digest$;

    create table if not exists ${table} (
      key varchar(${keyLength}) collate "C" primary key,
      value jsonb not null,
      updated_at timestamptz not null default clock_timestamp()
    );
    alter table ${table}
      add column expires_at timestamptz,
      add column revision bigint not null default 0;
    alter table ${table}
      add column digest bigint not null generated always as (${names.of('digest')}(key, value, expires_at)) stored;
    create table ${names.of('change')} (
      revision bigint not null,
      key text collate "C" not null,
      value jsonb,
      previous jsonb,
      expires_at timestamptz,
      author text not null,
      origin text not null,
      changed_at timestamptz not null,
      primary key (revision, key)
    );
    create index ${names.index('history')} on ${names.of('change')} (key, revision);
    create table ${names.of('instance')} (
      instance_id text primary key,
      revision bigint not null,
      lag bigint not null,
      digest bigint not null,
      entries bigint not null,
      heartbeat_ms bigint not null,
      started_at timestamptz not null,
      reported_at timestamptz not null
    );`
}

/** Raises what a row must not be; also of what plain SQL writes. */
function checks(key: string, value: string): string {
  return `
      if char_length(${key}) not between 1 and ${keyLength} then
        raise exception 'a key has 1 to ${keyLength} characters' using errcode = '${keyRefusedState}';
      end if;
      if octet_length(${value}::text) > ${valueBytes} then
        raise exception 'the value of % has more than ${valueBytes} bytes', ${key} using errcode = '${valueRefusedState}';
      end if;`
}

/** What the revision of the present transaction is, or will be, once it changes something. */
const nextRevision = `
  case when head.transaction_id = pg_current_xact_id() and head.transaction_at = transaction_timestamp()
    then head.revision else head.revision + 1 end`

/**
 * The head is locked before the first row, so that revisions are in the order of commits, and no two transactions wait for
 * each other's rows. The number of a transaction is compared with its time as well, for a restored cluster counts anew. What
 * needs the owner's rights is apart from what every write goes through: to take them on costs as much as a small trigger.
 */
function createTriggerFunctions(names: StoreNames): string {
  const head = names.of('head')
  const change = names.of('change')
  return `
    create function ${names.of('next')}() returns bigint language plpgsql ${guarded} as $next$
    begin
      return (select ${nextRevision} from ${head} as head for update);
    end $next$;

    create function ${names.of('lock')}() returns trigger language plpgsql as $lock$
    begin
      if ${isDirect} then return null; end if;
      perform ${names.of('next')}();
      return null;
    end $lock$;

    create function ${names.of('stamp')}() returns trigger language plpgsql as $stamp$
    begin
      if ${isDirect} then return new; end if;
      if tg_op = 'UPDATE' and new.key = old.key and new.value = old.value
        and new.expires_at is not distinct from old.expires_at
      then
        new.value := old.value;
        new.updated_at := old.updated_at;
        new.revision := old.revision;
        return new;
      end if;
      ${checks('new.key', 'new.value')}
      new.updated_at := clock_timestamp();
      new.revision := ${names.of('next')}();
      return new;
    end $stamp$;

    create function ${names.of('record')}() returns trigger language plpgsql ${guarded} as $record$
    declare
      next bigint;
      author text := coalesce(nullif(current_setting('qcore_config.author', true), ''), session_user);
      origin text := coalesce(current_setting('qcore_config.origin', true), '');
      recorded bigint;
    begin
      if ${isDirect} then return null; end if;
      next := ${names.of('next')}();
      if tg_op = 'INSERT' then
        insert into ${change} as known (revision, key, value, previous, expires_at, author, origin, changed_at)
        select next, added.key, added.value, null, added.expires_at, author, origin, clock_timestamp() from new_rows as added
        on conflict (revision, key) do update
        set value = excluded.value, expires_at = excluded.expires_at, author = excluded.author, origin = excluded.origin;
      elsif tg_op = 'UPDATE' then
        insert into ${change} as known (revision, key, value, previous, expires_at, author, origin, changed_at)
        select next, coalesce(added.key, gone.key), added.value, gone.value, added.expires_at, author, origin, clock_timestamp()
        from new_rows as added full join old_rows as gone on added.key = gone.key
        where added.key is null or gone.key is null or added.value <> gone.value
          or added.expires_at is distinct from gone.expires_at
        on conflict (revision, key) do update
        set value = excluded.value, expires_at = excluded.expires_at, author = excluded.author, origin = excluded.origin;
      else
        insert into ${change} as known (revision, key, value, previous, expires_at, author, origin, changed_at)
        select next, gone.key, null, gone.value, null, author, origin, clock_timestamp() from old_rows as gone
        on conflict (revision, key) do update
        set value = excluded.value, expires_at = excluded.expires_at, author = excluded.author, origin = excluded.origin;
      end if;
      get diagnostics recorded = row_count;
      if recorded > 0 then
        update ${head} set revision = next, transaction_id = pg_current_xact_id(), transaction_at = transaction_timestamp()
        where revision <> next;
        perform pg_notify(channel, head.store_id || ' ' || next) from ${head} as head, unnest(head.channels) as channel;
      end if;
      return null;
    end $record$;

    create function ${names.of('truncate')}() returns trigger language plpgsql ${guarded} as $truncate$
    begin
      delete from ${names.table};
      return null;
    end $truncate$;`
}

function createTriggers(names: StoreNames): string {
  const { table } = names
  return `
    create trigger config_lock before insert or update or delete on ${table}
      for each statement execute function ${names.of('lock')}();
    create trigger config_stamp before insert or update on ${table}
      for each row execute function ${names.of('stamp')}();
    create trigger config_insert after insert on ${table} referencing new table as new_rows
      for each statement execute function ${names.of('record')}();
    create trigger config_update after update on ${table} referencing old table as old_rows new table as new_rows
      for each statement execute function ${names.of('record')}();
    create trigger config_delete after delete on ${table} referencing old table as old_rows
      for each statement execute function ${names.of('record')}();
    create trigger config_truncate before truncate on ${table}
      for each statement execute function ${names.of('truncate')}();`
}

/**
 * Changes: an array of {key, value?, ifRevision?, ttlMs?}, no key twice; without a value the key is deleted. All of them are
 * one revision, or none is made. What the triggers do for plain SQL this does itself, in half the time. The head's lock comes
 * with one on the table, as everybody takes them, so that no TRUNCATE comes in between.
 */
function createCommit(names: StoreNames): string {
  const { table } = names
  const head = names.of('head')
  return `
    create function ${names.of('commit')}(changes jsonb, author text, origin text)
    returns table (
      key text, changed boolean, existed boolean, revision bigint, value jsonb, expires_at timestamptz, made_by text)
    language plpgsql set search_path = pg_catalog, pg_temp set qcore_config.direct = 'on' as $commit$
    #variable_conflict use_column
    declare
      store record;
      change jsonb;
      wanted_key text;
      wanted jsonb;
      until timestamptz;
      present record;
      is_there boolean;
      visible_revision bigint;
      has_changed boolean := false;
      channel text;
    begin
      made_by := coalesce(nullif(author, ''), session_user);
      update ${head} as head set revision = head.revision + 1, transaction_id = null
      from (select) as nothing left join ${table} on false
      returning head.store_id, head.channels, head.revision as next into store;
      for place in 0 .. jsonb_array_length(changes) - 1 loop
        change := changes -> place;
        wanted_key := change ->> 'key';
        wanted := change -> 'value';
        until := clock_timestamp() + (change ->> 'ttlMs')::double precision * interval '1 ms';
        select t.value, t.expires_at, t.revision into present from ${table} as t where t.key = wanted_key;
        is_there := found;
        existed := is_there and (present.expires_at is null or present.expires_at > clock_timestamp());
        visible_revision := case when existed then present.revision else 0 end;
        if (change ->> 'ifRevision')::bigint <> visible_revision then
          raise exception 'the condition on % does not hold', wanted_key using errcode = '${conditionFailedState}',
            detail = jsonb_build_object('key', wanted_key, 'revision', visible_revision)::text;
        end if;
        key := wanted_key;
        revision := store.next;
        value := wanted;
        expires_at := until;
        changed := case when wanted is null then is_there
          else not is_there or present.value <> wanted or present.expires_at is not null or until is not null end;
        if not changed then
          revision := visible_revision;
          value := present.value;
          return next;
          continue;
        end if;
        ${checks('wanted_key', 'wanted')}
        if wanted is null then
          delete from ${table} as t where t.key = wanted_key;
        elsif is_there then
          update ${table} as t set value = wanted, expires_at = until, revision = store.next, updated_at = clock_timestamp()
          where t.key = wanted_key;
        else
          insert into ${table} (key, value, expires_at, revision) values (wanted_key, wanted, until, store.next);
        end if;
        insert into ${names.of('change')} (revision, key, value, previous, expires_at, author, origin, changed_at)
        values (store.next, wanted_key, wanted, present.value, until, made_by, origin, clock_timestamp());
        has_changed := true;
        return next;
      end loop;
      if not has_changed then
        update ${head} set revision = store.next - 1;
      else
        foreach channel in array store.channels loop
          perform pg_notify(channel, store.store_id || ' ' || store.next);
        end loop;
      end if;
    end $commit$;`
}

/**
 * What a platform's writer has decided from the rows at a revision: the changes of one commit or several, in their order,
 * each commit with the next revision, from the one after those rows on. A null value deletes. Refused as a whole if the head
 * is elsewhere by now. `store_revision` is of no use but to be there: a statement calls this for a row that it changed, or
 * not at all.
 */
function createApply(names: StoreNames): string {
  const { table } = names
  const head = names.of('head')
  const change = names.of('change')
  return `
    alter table ${change} add column log_revision bigint;

    create function ${names.of('apply')}(
      store_revision bigint, keys text[], texts text[], expiries bigint[], revisions bigint[],
      log_revisions bigint[], authors text[])
    returns boolean language plpgsql set search_path = pg_catalog, pg_temp set qcore_config.direct = 'on'
    set lock_timeout = '${platformLockTimeoutMs}ms' as $apply$
    declare
      store record;
      channel text;
    begin
      update ${head} as head set revision = revisions[cardinality(revisions)], transaction_id = null
      from (select) as nothing left join ${table} on false
      where head.revision = revisions[1] - 1
      returning head.store_id, head.channels, head.revision as newest into store;
      if not found then
        raise exception 'the configuration is not at revision %', revisions[1] - 1 using errcode = '${headMovedState}';
      end if;

      insert into ${change} (
        revision, key, value, previous, expires_at, author, origin, changed_at, log_revision)
      select given.revision, given.key, given.text::jsonb,
        case when row_number() over same_key = 1 then present.value
          else (lag(given.text) over same_key)::jsonb end,
        timestamptz 'epoch' + given.expiry * interval '1 microsecond', given.author, 'qcore', clock_timestamp(),
        given.log_revision
      from unnest(keys, texts, expiries, revisions, log_revisions, authors) with ordinality
        as given (key, text, expiry, revision, log_revision, author, place)
      left join ${table} as present on present.key = given.key
      window same_key as (partition by given.key order by given.place);

      with last as (
        select distinct on (given.key) given.*
        from unnest(keys, texts, expiries, revisions) with ordinality as given (key, text, expiry, revision, place)
        order by given.key, given.place desc
      ), gone as (
        delete from ${table} as present using last where present.key = last.key and last.text is null
      )
      insert into ${table} as present (key, value, expires_at, revision, updated_at)
      select last.key, last.text::jsonb, timestamptz 'epoch' + last.expiry * interval '1 microsecond', last.revision,
        clock_timestamp()
      from last where last.text is not null
      on conflict (key) do update
      set value = excluded.value, expires_at = excluded.expires_at, revision = excluded.revision,
        updated_at = excluded.updated_at;

      foreach channel in array store.channels loop
        perform pg_notify(channel, store.store_id || ' ' || store.newest);
      end loop;
      return true;
    end $apply$;`
}
