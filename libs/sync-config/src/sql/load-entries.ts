import type { StoreNames } from '../store-names.ts'
import { queryText, runStatement, type Executor } from './executor.ts'
import { readHead, type Head } from './store-head.ts'
import { entryColumns, parseEntry, type EntryRow, type StoredEntry } from './stored-rows.ts'

/** Entries of one answer: a large store does not come in one piece. */
const pageEntries = 2_000

/** All of a store at one revision. */
export async function loadEntries(
  connection: Executor,
  names: StoreNames,
): Promise<{ head: Head; entries: StoredEntry[] }> {
  await runStatement(connection, 'begin isolation level repeatable read read only')
  const head = await readHead(connection, names)
  const entries: StoredEntry[] = []
  for (let after = ''; ;) {
    const page = await loadPage(connection, names, after)
    entries.push(...page)
    const last = page.at(-1)
    if (last === undefined || page.length < pageEntries) break
    after = last.key
  }
  await runStatement(connection, 'commit')
  return { head, entries }
}

async function loadPage(executor: Executor, names: StoreNames, after: string): Promise<StoredEntry[]> {
  const rows = await queryText<EntryRow>(executor, {
    text: `
      select ${entryColumns} from ${names.table} where key collate "C" > $1
      order by key collate "C" limit ${pageEntries}`,
    values: [after],
  })
  return rows.map(parseEntry)
}
