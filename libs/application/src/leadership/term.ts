import { commit, int, isQError, QError, type Client, type CommitInput, type Entity } from '@qcore/client'

/** The term of a leader: the store knows it, and refuses what carries an older one. */
export interface Term {
  readonly service: Entity
  /** The fencing token of the lease. */
  readonly token: number
  /** The revision that made it known. */
  readonly revision: number
}

/** Somebody was faster so often that something else is wrong. */
const mostAttempts = 10

interface NewTerm {
  readonly service: Entity
  readonly token: number
  readonly leader: string
}

/** The newest term that the store knows; 0 if there was none. */
export async function readTerm(
  q: Client,
  service: Entity,
  signal: AbortSignal,
): Promise<{ token: number; revision: number }> {
  const field = await q.read(service, 'LeaderTerm', { signal, consistency: 'latest' })
  if (field.type !== 'Int')
    throw new QError('type_mismatch', 'Service.LeaderTerm is not an Int', { field: 'LeaderTerm' })
  return { token: Number(field.value), revision: field.revision }
}

/** Makes a new leader known. Returns the token of a newer one instead, if there is one: then the lease is an old one. */
export async function publishTerm(
  q: Client,
  { service, token, leader }: NewTerm,
  signal: AbortSignal,
): Promise<Term | number> {
  for (let attempt = 1; ; attempt += 1) {
    const known = await readTerm(q, service, signal)
    if (known.token >= token) return known.token
    const published = commit()
      .write(service, 'LeaderTerm', int(token))
      .write(service, 'Leader', leader)
      .write(service, 'HeartbeatTrigger', int(0))
      .ifRevision(service, 'LeaderTerm', known.revision)
    try {
      const { revision } = await q.commit(published, { signal })
      return { service, token, revision }
    } catch (error) {
      if (!isQError(error, 'condition_failed') || attempt === mostAttempts) throw error
    }
  }
}

/** The commit, to be refused when the term is not the newest any more. */
export function guarded({ service, token }: Term, { mutations, conditions }: CommitInput): CommitInput {
  const isNewest = { kind: 'value', entityId: service.id, field: 'LeaderTerm', value: int(token) } as const
  return { mutations, conditions: [isNewest, ...conditions] }
}

/** Whether a guarded commit was refused because its term is over. */
export function isStale(error: unknown): boolean {
  return isQError(error, 'condition_failed') && error.field.startsWith('conditions[0].')
}

/** Shows that the leader is alive, and who would follow. */
export function heartbeat(
  term: Term,
  { leader, candidates }: { readonly leader: string; readonly candidates: readonly string[] },
): CommitInput {
  const beat = commit()
    .write(term.service, 'HeartbeatTrigger', int(0))
    .write(term.service, 'Leader', leader, { ifChanged: true })
    .write(term.service, 'Candidates', candidates.join(','), { ifChanged: true })
  return guarded(term, beat)
}

/** Shows that nobody leads, unless somebody does by now. */
export function vacancy(term: Term, candidates: readonly string[]): CommitInput {
  const vacated = commit().write(term.service, 'Leader', '').write(term.service, 'Candidates', candidates.join(','))
  return guarded(term, vacated)
}
