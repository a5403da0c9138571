import {
  CommitService,
  type CommitRequest,
  type CommitResponse,
  type MutationResult as MutationResultMessage,
} from '@qcore/contracts'
import { isQError } from '@qcore/errors'
import type { CallOptions, Caller } from '../calls/caller.ts'
import type { Session } from '../read/consistency.ts'
import { planFromMessage, type TypePlan } from '../schema/alter-type.ts'
import type { FieldQuestion, TypeDirectory } from '../schema/type-directory.ts'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'
import { likelyType } from '../values/value-input.ts'
import { CommitBatcher } from './commit-batcher.ts'
import type { CommitInput } from './commit-builder.ts'
import { commitMessage } from './commit-message.ts'

export interface CommitOptions extends CallOptions {
  /** Makes it safe to commit again, also from another process. At most 128 characters. Default: one of the client's. */
  idempotencyKey?: string
}

/** What a commit did. */
export interface CommitResult {
  /** The revision of the commit; if it changed nothing, the newest one. */
  readonly revision: number
  /** On PostgreSQL's clock; undefined if the commit changed nothing. */
  readonly time: Timestamp | undefined
  /** One a mutation, in order. */
  readonly results: readonly MutationResult[]
}

/** What a commit would do. */
export interface CommitPlan {
  /** One a mutation, in order. */
  readonly results: readonly MutationResult[]
  /** What would change of types: one an alteration or a deletion, in order. */
  readonly types: readonly TypePlan[]
}

export interface MutationResult {
  /** The entity that was created, deleted or written; empty for a schema. */
  readonly entityId: string
  readonly changed: boolean
  /** The field that was written, if it was named by a path; otherwise empty. */
  readonly field: string
  /** The id of the event that was emitted; absent for other changes. */
  readonly eventId?: string
  /** Of a key of the configuration: the revision that gave it its value, whether it was there before, and what identifies the configuration; absent for other changes. */
  readonly config?: { readonly revision: number; readonly existed: boolean; readonly configId: string }
  /** The id of the schedule that was made or changed; absent for other changes. */
  readonly scheduleId?: string
}

/** The types that the strings and numbers of a commit were taken for. */
interface Lookups {
  readonly asked: FieldQuestion[]
  readonly missing: FieldQuestion[]
}

export interface CommitterOptions {
  readonly caller: Caller
  readonly directory: TypeDirectory
  readonly session: Session
  /** Whether requests arrive in the order in which they were sent. */
  readonly keepsOrder: boolean
}

/** One that PostgreSQL has, and one that the writer prepares. */
const requestsOnTheirWay = 2

/** Makes commits, and finds out the types of their values. */
export class Committer {
  readonly #caller: Caller
  readonly #batcher: CommitBatcher
  readonly #directory: TypeDirectory
  readonly #session: Session
  readonly #keyPrefix = crypto.randomUUID()
  #lastKey = 0

  constructor({ caller, directory, session, keepsOrder }: CommitterOptions) {
    this.#caller = caller
    this.#batcher = new CommitBatcher(caller, keepsOrder ? requestsOnTheirWay : 1)
    this.#directory = directory
    this.#session = session
  }

  async commit(input: CommitInput, options: CommitOptions = {}): Promise<CommitResult> {
    const key = options.idempotencyKey ?? this.#nextKey()
    const lookups: Lookups = { asked: [], missing: [] }
    try {
      return this.#finish(input, await this.#batcher.commit(this.#message(input, key, lookups, options), options))
    } catch (error) {
      if (lookups.asked.length === 0 || !isQError(error, 'type_mismatch')) throw error
      this.#directory.forget(lookups.asked)
      return this.#finish(input, await this.#batcher.commit(this.#askedMessage(input, key, lookups, options), options))
    }
  }

  /** Asks what a commit would do, and changes nothing. Throws what the commit would. */
  async plan(input: CommitInput, options: CallOptions): Promise<CommitPlan> {
    const request = await this.#message(input, '', { asked: [], missing: [] }, options)
    request.dryRun = true
    const { results, plans } = await this.#caller.call(CommitService.method.commit, request, options)
    return {
      results: results.map(resultOf),
      types: plans.map(planFromMessage),
    }
  }

  /** The request; a promise if a type has to be asked for. */
  #message(
    input: CommitInput,
    key: string,
    lookups: Lookups,
    options: CallOptions,
  ): CommitRequest | Promise<CommitRequest> {
    const message = commitMessage(input, key, (question) => {
      lookups.asked.push(question)
      const type = this.#directory.typeOf(question)
      if (type === undefined) lookups.missing.push(question)
      return type
    })
    return lookups.missing.length === 0 ? message : this.#askedMessage(input, key, lookups, options)
  }

  /** What is unknown even now is sent as what it looks like, for the writer to refuse with the reason. */
  async #askedMessage(
    input: CommitInput,
    key: string,
    { asked }: Lookups,
    options: CallOptions,
  ): Promise<CommitRequest> {
    await this.#directory.load(asked, options)
    return commitMessage(input, key, (question, value) => this.#directory.typeOf(question) ?? likelyType(value))
  }

  #finish({ mutations }: CommitInput, response: CommitResponse): CommitResult {
    const revision = Number(response.revision)
    this.#session.observe(revision)
    const results = response.results.map(resultOf)
    mutations.forEach((mutation, index) => {
      const entityId = results[index]?.entityId
      if (mutation.kind === 'create' && entityId !== undefined) {
        this.#directory.rememberEntity(entityId, mutation.type)
      } else if (mutation.kind === 'set_schema') {
        this.#directory.forgetSchema(mutation.schema.type)
      } else if (mutation.kind === 'alter_type' || mutation.kind === 'delete_type') {
        this.#directory.forgetSchema(mutation.type)
      }
    })
    const time = response.commitTime === undefined ? undefined : timestampFromMessage(response.commitTime)
    return { revision, time, results }
  }

  #nextKey(): string {
    this.#lastKey += 1
    return `${this.#keyPrefix}-${this.#lastKey.toString(36)}`
  }
}

function resultOf(message: MutationResultMessage): MutationResult {
  const { entityId, changed, field, eventId, scheduleId, configRevision, configExisted: existed, configId } = message
  const isOfConfig = configRevision !== 0n || existed
  return {
    entityId,
    changed,
    field,
    ...(eventId === '' ? {} : { eventId }),
    ...(scheduleId === '' ? {} : { scheduleId }),
    ...(isOfConfig ? { config: { revision: Number(configRevision), existed, configId } } : {}),
  }
}
