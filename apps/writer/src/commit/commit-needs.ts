import { QError } from '@qcore/errors'
import type { FieldPath } from '@qcore/model'

/** Where a path begins, and what it is. */
export interface NeededPath {
  readonly entityId: string
  readonly path: FieldPath
}

/** How often a commit may turn out to need more: each time the whole path is loaded that was missing. */
const mostRounds = 32

/** What a commit turned out to need beyond what its request names: earlier commits, or its own values, lead there. */
export class CommitNeeds {
  readonly ids = new Set<string>()
  readonly paths: NeededPath[] = []
  /** Ids of schedules. */
  readonly schedules = new Set<string>()
  #rounds = 0

  /** Takes in what is missing. Returns whether the commit may try again. */
  add({ ids, paths, schedules }: LoadMore): boolean {
    for (const id of schedules) this.schedules.add(id)
    for (const id of ids) this.ids.add(id)
    this.paths.push(...paths)
    return ++this.#rounds <= mostRounds
  }
}

/** Thrown by a commit that needs what is not loaded: it goes into the next group, for which that is loaded. */
export class LoadMore extends Error {
  override readonly name = 'LoadMore'
  readonly ids: readonly string[]
  readonly paths: readonly NeededPath[]
  readonly schedules: readonly string[]

  constructor({
    ids = [],
    paths = [],
    schedules = [],
  }: {
    ids?: readonly string[]
    paths?: readonly NeededPath[]
    schedules?: readonly string[]
  }) {
    super('a commit needs what is not loaded')
    this.ids = ids
    this.paths = paths
    this.schedules = schedules
  }
}

/** The error of a commit that needed more again and again. */
export function endlessNeeds(): QError {
  return new QError('commit_too_large', 'the paths of the commit lead through too many entities; split it')
}
