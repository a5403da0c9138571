import type { Action } from './contender.ts'

/** What the bench compares with. */
export type PeerKind = 'pg-boss' | 'graphile-worker'

export interface PeerJob {
  readonly dueMs: number
  readonly action: Action
}

/** What the bench asks of the process of a peer. */
export type PeerRequest =
  | { readonly kind: 'add'; readonly dueMs: readonly number[]; readonly action: Action }
  /** How many are done since they were told of last. */
  | { readonly kind: 'count' }
  | { readonly kind: 'results' }

/** A peer as its process has it. */
export interface PeerWorker {
  add(jobs: readonly PeerJob[]): Promise<void>
  stop(): Promise<void>
}

/** Starts to work on what is added, each with `work`. */
export type StartPeer = (address: string, work: (job: PeerJob) => Promise<void>) => Promise<PeerWorker>
