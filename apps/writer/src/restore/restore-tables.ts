/** What a restore keeps in PostgreSQL, a table each. */
const parts = ['part', 'type', 'entity', 'field', 'reference', 'problem'] as const

/** The names of a restore's tables. */
export type RestoreTables = Readonly<Record<(typeof parts)[number], string>>

/** The names of the tables of a restore, whose id was checked: they go into statements as they are. */
export function restoreTables(id: string): RestoreTables {
  if (!/^[0-9a-f]{32}$/.test(id)) throw new Error(`${id} is no id of a restore`)
  return Object.fromEntries(parts.map((part) => [part, `restore_${id}_${part}`])) as RestoreTables
}
