import { QError } from '@qcore/errors'
import type { ConfigChange } from './config-change.ts'
import type { Executor } from './sql/executor.ts'
import { loadHistory } from './sql/history.ts'
import type { StoreNames } from './store-names.ts'
import { decodeValue } from '@qcore/json'

/** A change of the past. */
export interface HistoryEntry extends ConfigChange {
  readonly changedAt: Date
}

export interface HistoryOptions {
  /** Only changes before this revision. */
  readonly before?: number
  /** Default 100, at most 1,000. */
  readonly limit?: number
}

const mostChanges = 1_000

/** @throws QError `invalid_request` */
export async function readHistory(
  executor: Executor,
  names: StoreNames,
  key: string | undefined,
  { before, limit = 100 }: HistoryOptions,
): Promise<HistoryEntry[]> {
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= mostChanges)) {
    throw new QError('invalid_request', `limit: ${limit} is not between 1 and ${mostChanges}`, { field: 'limit' })
  }
  const records = await loadHistory(executor, names, { key, before, limit })
  return records.map(({ text, previousText, changedAtMs, ...record }) => ({
    ...record,
    value: text === null ? undefined : decodeValue(text),
    previous: previousText === null ? undefined : decodeValue(previousText),
    changedAt: new Date(changedAtMs),
  }))
}
