import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { createClient, type Client, type Transport } from '@connectrpc/connect'
import {
  AccessLevel,
  CommitService,
  MutationSchema,
  OccurrenceFact,
  ValueSchema,
  ValueToWriteSchema,
  type FieldToWrite,
  type Mutation,
  type Value,
  type ValueToWrite,
} from '@qcore/contracts'
import { timestampFromMicros } from '@qcore/model'
import { fromConnectError } from '@qcore/transport'
import type { OwnTokens } from '../own-tokens.ts'
import type { ActionOutcome, ActionRunner, Occasion } from './action.ts'
import { occurrenceKey, outcomeOfFailure } from './commit-outcome.ts'

/** Writes fields by a commit whose key is the occurrence, with the permissions of whoever put the schedule. */
export class WriteFieldsRunner implements ActionRunner {
  readonly #commits: Client<typeof CommitService>
  readonly #tokens: OwnTokens

  constructor(transport: Transport, tokens: OwnTokens) {
    this.#commits = createClient(CommitService, transport)
    this.#tokens = tokens
  }

  async run({ occurrence, settings, attempt, deadlineAt }: Occasion, signal: AbortSignal): Promise<ActionOutcome> {
    const kind = settings.put.action?.kind
    if (kind?.case !== 'writeFields')
      return { kind: 'failed', error: 'the schedule writes nothing', finally: 'refused' }
    const { fields, permissions, isAdmin } = kind.value
    const mutations = fields.map((field) => mutationOf(field, occurrence))
    const timeoutMs = Math.max(1, Math.floor(deadlineAt - performance.now()))
    try {
      const scopes = permissions.map((name) => `permission:${name}`)
      const token = await this.#tokens.get(isAdmin ? AccessLevel.ADMIN : AccessLevel.WRITE, scopes)
      const options = { headers: { authorization: `Bearer ${token}` }, timeoutMs, signal }
      const { revision } = await this.#commits.commit({ mutations, idempotencyKey: occurrenceKey(occurrence) }, options)
      return { kind: 'done', result: `revision ${revision}` }
    } catch (error) {
      return outcomeOfFailure(fromConnectError(error), attempt)
    }
  }
}

function mutationOf({ entityId, field, content }: FieldToWrite, occurrence: Occasion['occurrence']): Mutation {
  const value = content.case === 'fact' ? factOf(content.value, occurrence) : valueOf(content.value)
  return create(MutationSchema, {
    kind: { case: 'writeField', value: { entityId, field, ...(value === undefined ? {} : { value }) } },
  })
}

/** The two messages have the same bytes. */
function valueOf(value: ValueToWrite | undefined): Value | undefined {
  return value === undefined ? undefined : fromBinary(ValueSchema, toBinary(ValueToWriteSchema, value))
}

function factOf(fact: OccurrenceFact, { id, nominalUs }: Occasion['occurrence']): Value {
  if (fact === OccurrenceFact.NOMINAL_TIME) {
    return create(ValueSchema, { kind: { case: 'timestamp', value: timestampFromMicros(nominalUs) } })
  }
  return create(ValueSchema, { kind: { case: 'string', value: id } })
}
