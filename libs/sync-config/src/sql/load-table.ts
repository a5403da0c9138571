import { formatDigest } from '../digest.ts'
import type { StoreNames } from '../store-names.ts'
import { queryText, tableTimeoutMs, type Executor } from './executor.ts'
import { loadInstances, type InstanceState } from './instances.ts'

/** The table as it is, and the instances as they last reported. */
export interface TableState {
  readonly revision: number
  /** Of the rows: sixteen hexadecimal digits. */
  readonly digest: string
  readonly entries: number
  readonly instances: readonly InstanceState[]
}

export async function loadTable(executor: Executor, names: StoreNames): Promise<TableState> {
  const [row] = await queryText<readonly [revision: string, digest: string, entries: string]>(executor, {
    text: `
      select head.revision, coalesce(bit_xor(t.digest), 0), count(t.key)
      from ${names.of('head')} as head left join ${names.table} as t on true group by head.revision`,
    timeoutMs: tableTimeoutMs,
  })
  if (row === undefined) throw new Error(`${names.of('head')} has no row`)
  const [revision, digest, entries] = row
  const instances = await loadInstances(executor, names)
  return { revision: Number(revision), digest: formatDigest(BigInt(digest)), entries: Number(entries), instances }
}
