-- Entities of a type by their own name.
create index entity_type_name on entity (type, name, id);
--> statement-breakpoint
-- The id at an index of an EntityList, given the bytes of its Value; empty behind the end. An id is shorter than 128 bytes.
create function entity_list_at(value bytea, item integer) returns text
language plpgsql immutable strict parallel safe as $$
declare
  size constant integer := octet_length(value);
  place integer := 1;
begin
  while get_byte(value, place) >= 128 loop
    place := place + 1;
  end loop;
  place := place + 1;
  for skipped in 1 .. item loop
    exit when place >= size;
    place := place + 2 + get_byte(value, place + 1);
  end loop;
  if place >= size then
    return '';
  end if;
  return convert_from(substring(value from place + 3 for get_byte(value, place + 1)), 'UTF8');
end
$$;
