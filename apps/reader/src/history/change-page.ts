import { visitRecords } from '@qcore/replica'
import type { CommitEffect } from './commit-effect.ts'
import { effectInLife, scanChanges } from './scan-changes.ts'
import { walkChanges, type Walk, type WalkSources } from './walk-changes.ts'

/** Bytes of changes in one answer, beyond the first commit: less than NATS carries, with the values that are completed. */
const mostBytes = 600_000
/** An entity that was changed more often is listed from the oldest change on by looking through the log. */
const mostSteps = 1_000
/** Commits that are in memory at a time. */
const commitsAtOnce = 64

/** A page of changes. */
export interface ChangePage {
  readonly effects: readonly CommitEffect[]
  /** Where the next page begins: the revision, and how it is looked for. Undefined on the last page. */
  readonly next: { readonly revision: number; readonly mode: PageMode } | undefined
}

/** Along the links of the changes, or through the log. */
export type PageMode = 'walk' | 'scan'

/** A page of changes, the newest first. */
export async function newestPage(sources: WalkSources, walk: Walk, limit: number): Promise<ChangePage> {
  const page = new PageFilling(limit)
  for await (const effect of walkChanges(sources, walk)) {
    if (!page.add(effect)) return { effects: page.effects, next: { revision: effect.revision, mode: 'walk' } }
  }
  return { effects: page.effects, next: undefined }
}

/** A page of changes, the oldest first. */
export async function oldestPage(
  sources: WalkSources,
  walk: Walk,
  { limit, mode }: { limit: number; mode: PageMode },
): Promise<ChangePage> {
  const newestFirst = mode === 'walk' ? await allRevisions(sources, walk) : undefined
  if (newestFirst === undefined) return scannedPage(sources, walk, limit)
  const page = new PageFilling(limit)
  const revisions = newestFirst.reverse()
  for (let start = 0; start < revisions.length; start += commitsAtOnce) {
    for (const effect of await effectsOf(sources, walk, revisions.slice(start, start + commitsAtOnce))) {
      if (!page.add(effect)) return { effects: page.effects, next: { revision: effect.revision, mode: 'walk' } }
    }
  }
  return { effects: page.effects, next: undefined }
}

async function effectsOf({ pool }: WalkSources, walk: Walk, revisions: readonly number[]): Promise<CommitEffect[]> {
  const effects: CommitEffect[] = []
  await visitRecords(pool, revisions, (record) => {
    const effect = effectInLife(record, walk)
    if (effect !== undefined) effects.push(effect)
  })
  return effects
}

/** The revisions of all changes, the newest first; undefined: there are too many. */
async function allRevisions(sources: WalkSources, walk: Walk): Promise<number[] | undefined> {
  const revisions: number[] = []
  for await (const { revision } of walkChanges(sources, walk)) {
    if (revisions.length >= mostSteps) return undefined
    revisions.push(revision)
  }
  return revisions
}

async function scannedPage(sources: WalkSources, walk: Walk, limit: number): Promise<ChangePage> {
  const page = new PageFilling(limit)
  const scan = scanChanges(sources, walk)
  for (;;) {
    const found = await scan.next()
    if (found.done === true) {
      const isEnd = found.value >= walk.range.to
      // Nothing far and wide: the changes that are left may be few enough to be found by their links.
      const mode = page.effects.length === 0 ? 'walk' : 'scan'
      return { effects: page.effects, next: isEnd ? undefined : { revision: found.value + 1, mode } }
    }
    if (!page.add(found.value)) return { effects: page.effects, next: { revision: found.value.revision, mode: 'scan' } }
  }
}

class PageFilling {
  readonly effects: CommitEffect[] = []
  readonly #limit: number
  #changes = 0
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether there was room. */
  add(effect: CommitEffect): boolean {
    if (this.#changes >= this.#limit) return false
    if (this.#changes > 0 && this.#bytes + effect.bytes > mostBytes) return false
    this.#changes += effect.changes.length
    this.#bytes += effect.bytes
    this.effects.push(effect)
    return true
  }
}
