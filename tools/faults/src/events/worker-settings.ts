import type { ConnectOptions } from '@qcore/client'

/** What a worker process is told, as JSON. */
export interface WorkerSettings {
  readonly qcore: ConnectOptions
  readonly connectionString: string
  readonly namespace: string
  readonly nodeId: string
  readonly groups: readonly { readonly name: string; readonly isOrdered: boolean }[]
}

/** The types of the events. */
export const plainType = 'task.plain'
export const poisonType = 'task.poison'
/** After this time without a word of a worker, what it had is given to another one. */
export const workerAckMs = 3_000
