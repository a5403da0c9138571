import { createClient, type Client, type Transport } from '@connectrpc/connect'
import { CommitService, ReadService } from '@qcore/contracts'
import type { FieldRead, Key } from '../history/operation.ts'
import { splitKey } from './keys.ts'

/** The calls of the load. They do not retry by themselves, so that the history has every attempt. */
export class StoreCalls {
  readonly #commits: Client<typeof CommitService>
  readonly #reads: Client<typeof ReadService>
  readonly #headers: { authorization: string }

  constructor(transport: Transport, token: string) {
    this.#commits = createClient(CommitService, transport)
    this.#reads = createClient(ReadService, transport)
    this.#headers = { authorization: `Bearer ${token}` }
  }

  /** Writes fields as one commit; if `expectedRevision` is given, only if it wrote all of them last. Gives the revision. */
  async commit(
    writes: Readonly<Record<Key, string>>,
    { requestKey, expectedRevision, timeoutMs }: { requestKey: string; expectedRevision: number; timeoutMs: number },
  ): Promise<number> {
    const mutations = Object.entries(writes).map(([key, text]) => {
      const value = { ...splitKey(key), value: { kind: { case: 'string' as const, value: text } } }
      return { kind: { case: 'writeField' as const, value } }
    })
    const conditions = Object.keys(expectedRevision === 0 ? {} : writes).map((key) => {
      const value = { ...splitKey(key), revision: BigInt(expectedRevision) }
      return { kind: { case: 'fieldRevision' as const, value } }
    })
    const request = { mutations, conditions, idempotencyKey: requestKey }
    const { revision } = await this.#commits.commit(request, { headers: this.#headers, timeoutMs })
    return Number(revision)
  }

  /** Reads fields, all at the revision of the answer: linearizably, or at least at a revision, or as they are there. */
  async read(
    keys: readonly Key[],
    { demand, timeoutMs }: { demand: 'latest' | number | undefined; timeoutMs: number },
  ): Promise<{ revision: number; fields: Record<Key, FieldRead> }> {
    const reads = keys.map((key) => {
      const { entityId, field: path } = splitKey(key)
      return { entityId, path }
    })
    const answer = await this.#reads.readFields(
      { reads, ...consistency(demand) },
      { headers: this.#headers, timeoutMs },
    )
    const fields = keys.map((key, index) => {
      const outcome = answer.results[index]?.outcome
      if (outcome?.case !== 'field') throw new Error(`${key} was not read: ${outcome?.value?.message ?? 'no result'}`)
      const { value, revision } = outcome.value
      const text = value?.kind.case === 'string' ? value.kind.value : ''
      return [key, { value: text, revision: Number(revision) }] as const
    })
    return { revision: Number(answer.revision), fields: Object.fromEntries(fields) }
  }
}

function consistency(demand: 'latest' | number | undefined) {
  if (demand === undefined) return {}
  const value =
    demand === 'latest'
      ? { case: 'latest' as const, value: true }
      : { case: 'atLeastRevision' as const, value: BigInt(demand) }
  return { consistency: { demand: value } }
}
