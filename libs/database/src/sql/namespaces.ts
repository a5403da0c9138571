import type { Executor } from '../pool.ts'

export interface NamespaceRow {
  name: string
  description: string
  metadata: Record<string, string>
  createdUs: number
  updatedUs: number
}

const columns = `
  name, description, metadata, (extract(epoch from created_at) * 1000000)::bigint as "createdUs",
  (extract(epoch from updated_at) * 1000000)::bigint as "updatedUs"`

/**
 * Registers a namespace, or replaces what is given. Undefined: it is not there, and there are `most` others.
 *
 * @param facts.metadata undefined: as it is
 */
export async function registerNamespace(
  executor: Executor,
  facts: { name: string; description: string | undefined; metadata: Record<string, string> | undefined; most: number },
): Promise<(NamespaceRow & { isNew: boolean }) | undefined> {
  const { name, description, metadata, most } = facts
  const { rows } = await executor.query<NamespaceRow & { isNew: boolean }>({
    name: 'register_namespace',
    text: `
      insert into namespace (name, description, metadata, created_at, updated_at)
      select $1, coalesce($2, ''), coalesce($3::jsonb, '{}'), now(), now()
      where exists (select from namespace where name = $1) or (select count(*) from namespace) < $4
      on conflict (name) do update set
        description = coalesce($2, namespace.description), metadata = coalesce($3::jsonb, namespace.metadata),
        updated_at = now()
      returning ${columns}, xmax = 0 as "isNew"`,
    values: [name, description ?? null, metadata === undefined ? null : JSON.stringify(metadata), most],
  })
  return rows[0]
}

/** Namespaces by name; those that are not registered are left out. */
export async function loadNamespaces(executor: Executor, names: readonly string[]): Promise<NamespaceRow[]> {
  const { rows } = await executor.query<NamespaceRow>({
    name: 'load_namespaces',
    text: `select ${columns} from namespace where name = any($1::text[])`,
    values: [names],
  })
  return rows
}

/** All namespaces, by name. */
export async function listNamespaces(executor: Executor): Promise<NamespaceRow[]> {
  const { rows } = await executor.query<NamespaceRow>({
    name: 'list_namespaces',
    text: `select ${columns} from namespace order by name`,
  })
  return rows
}
