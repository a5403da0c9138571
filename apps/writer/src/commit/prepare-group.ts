import { create } from '@bufbuild/protobuf'
import type { Claims, SecretBox } from '@qcore/access'
import { CommitResponseSchema, type CommitResponse } from '@qcore/contracts'
import { GroupRows } from '@qcore/database'
import { isQError, QError } from '@qcore/errors'
import { limits, timestampFromMicros } from '@qcore/model'
import { ProtoWriter } from '@qcore/transport'
import { applyMutation } from '../mutation/apply-mutation.ts'
import { checkCondition } from '../mutation/check-condition.ts'
import { releaseEvents } from '../mutation/release-events.ts'
import { ChangeList } from '../record/change-list.ts'
import { encodeRecord } from '../record/encode-record.ts'
import { rebindSchedules } from '../schedule/rebind-schedules.ts'
import { answerAgain, encodeAnswer, type AnsweredRequest } from './answered-request.ts'
import type { CommitContext } from './commit-context.ts'
import { CommitNeeds, endlessNeeds, LoadMore } from './commit-needs.ts'
import { fingerprintOf } from './fingerprint.ts'
import { GroupBreak } from './group-break.ts'
import { GroupEffect } from './group-effect.ts'
import { GroupState, nothingLoaded, type GroupLoad } from './group-state.ts'
import { isPlain } from './plain-commit.ts'
import type { PendingCommit } from './pending-commit.ts'
import { standsAlone } from './stands-alone.ts'
import type { WorkingSet } from './working-set.ts'

/** A group that reached one of these goes: one statement should not take long, for all wait for it. */
const enoughRecordBytes = 4_194_304
const enoughRows = 20_000

/** What the commits of a group begin from. */
export interface GroupStart {
  readonly epoch: number
  readonly revision: number
  readonly nextFieldId: number
  /** Microseconds since 1970. */
  readonly timeUs: number
}

/** What a commit has of its own in the log. */
interface RecordContent {
  readonly revision: number
  readonly changes: ChangeList
  readonly writer: string
  readonly idempotencyKey: string
}

export interface Settlement {
  readonly commit: PendingCommit
  readonly outcome: CommitResponse | QError
}

/** A group of commits, checked, encoded, and ready to be sent to PostgreSQL in one go. */
export interface PreparedGroup {
  readonly start: GroupStart
  readonly toRevision: number
  readonly rows: GroupRows
  readonly state: GroupState
  readonly settlements: readonly Settlement[]
  /** Whether all its commits are plain, so that the next group can be prepared while this one is in flight. */
  readonly isPlain: boolean
  readonly answers: ReadonlyMap<string, AnsweredRequest>
  /** Keys of commits that failed, or changed nothing, and that an earlier writer may have answered. */
  readonly doubtfulKeys: readonly string[]
  /** The members `commits` of a LogBatch; valid until the next group but one is opened. */
  readonly batch: Buffer
  /** Where each commit begins in `batch`. */
  readonly offsets: readonly number[]
}

/**
 * Prepares groups with two sets of buffers that serve in turn: one group may be in flight while the next one is
 * prepared.
 */
export class GroupPreparer {
  readonly #workingSet: WorkingSet
  readonly #secrets: SecretBox
  readonly #onFault: (error: unknown) => void
  readonly #scratch = new ProtoWriter()
  #buffers = new GroupBuffers()
  #otherBuffers = new GroupBuffers()

  constructor(workingSet: WorkingSet, secrets: SecretBox, onFault: (error: unknown) => void) {
    this.#workingSet = workingSet
    this.#secrets = secrets
    this.#onFault = onFault
  }

  /** Prepares a commit that the platform makes itself. */
  prepareOwn(start: GroupStart, caller: Claims, make: (context: CommitContext) => void): PreparedGroup {
    const group = this.open(nothingLoaded(), start)
    const changes = new ChangeList()
    const revision = start.revision + 1
    make({ state: group.state, changes, revision, timeUs: start.timeUs, caller, secrets: this.#secrets })
    this.#addRecord(group, { revision, changes, writer: caller.subject, idempotencyKey: '' })
    return this.finish(group)
  }

  /** Begins a group. The one before the last must be over. */
  open(load: GroupLoad, start: GroupStart): OpenGroup {
    const buffers = this.#otherBuffers
    this.#otherBuffers = this.#buffers
    this.#buffers = buffers
    buffers.reset()
    const state = new GroupState(this.#workingSet, load, start.nextFieldId)
    return new OpenGroup(start, state, buffers, new GroupEffect(buffers.rows, state, this.#scratch))
  }

  /** Adds commits in their order. Returns how many were taken; the others go into the next group. */
  add(group: OpenGroup, commits: readonly PendingCommit[]): number {
    let taken = 0
    for (const commit of commits) {
      const isAlone = standsAlone(commit.request)
      if (group.settlements.length > 0 && (isAlone || group.isFull)) break
      const outcome = this.#prepareCommit(group, commit)
      if (outcome === undefined) break
      group.settlements.push({ commit, outcome })
      taken++
      if (isAlone) break
    }
    return taken
  }

  /** Ends a group: what it did becomes rows. */
  finish(group: OpenGroup): PreparedGroup {
    const { start, revision, state, settlements, answers, doubtfulKeys, offsets, buffers, effect } = group
    const { rows, batch } = buffers
    effect.finish()
    return {
      start,
      toRevision: revision,
      rows,
      state,
      settlements,
      isPlain: settlements.length > 0 && settlements.every(({ commit }) => isPlain(commit)),
      answers,
      doubtfulKeys,
      batch: batch.slice(0, batch.length),
      offsets,
    }
  }

  /** Undefined: the commit goes into the next group. */
  #prepareCommit(group: OpenGroup, commit: PendingCommit): CommitResponse | QError | undefined {
    const { idempotencyKey: key } = commit.request
    try {
      if (key === '' || commit.request.dryRun) return this.#makeCommit(group, commit)
      const fingerprint = fingerprintOf(commit.request, this.#scratch)
      const answered = group.answers.get(key) ?? this.#workingSet.answered.get(key)
      if (answered !== undefined) return answerAgain(answered, commit.request, fingerprint)
      const response = this.#makeCommit(group, commit)
      if (response.commitTime === undefined) group.doubtfulKeys.push(key)
      this.#keepAnswer(group, { commit, response, fingerprint })
      return response
    } catch (error) {
      group.state.rollBack()
      if (error instanceof LoadMore && (commit.needs ??= new CommitNeeds()).add(error)) return undefined
      if (error instanceof GroupBreak && group.settlements.length > 0) return undefined
      if (key !== '') group.doubtfulKeys.push(key)
      if (isQError(error)) return error
      if (error instanceof LoadMore) return endlessNeeds()
      this.#onFault(error)
      return new QError('internal', 'the writer failed; its log has the cause', { cause: error })
    }
  }

  #makeCommit(group: OpenGroup, { request, caller, release }: PendingCommit): CommitResponse {
    const { state, start } = group
    state.beginCommit()
    const changes = new ChangeList()
    const revision = group.revision + 1
    const plans = request.dryRun ? [] : undefined
    const secrets = this.#secrets
    const context: CommitContext = { state, changes, revision, timeUs: start.timeUs, caller, secrets, plans }
    for (const [index, condition] of request.conditions.entries()) {
      checkCondition(context, condition, `conditions[${index}]`)
    }
    const response = create(CommitResponseSchema)
    for (const [index, mutation] of request.mutations.entries()) {
      response.results.push(applyMutation(context, mutation, index))
    }
    if (release !== undefined) releaseEvents(context, release)
    if (!state.boundFields.isEmpty || state.schedules.hasBound) rebindSchedules(context)
    if (changes.length > limits.changesPerCommit) {
      throw new QError('commit_too_large', `a commit makes at most ${limits.changesPerCommit} changes; split it`)
    }
    response.plans = plans ?? []
    const record = { revision, changes, writer: caller.subject, idempotencyKey: request.idempotencyKey }
    if (request.dryRun) this.#tryRecord(group, record)
    else if (changes.length > 0) this.#addRecord(group, record)
    if (changes.length === 0 || request.dryRun) state.rollBack()
    response.revision = BigInt(group.revision)
    if (changes.length > 0 && !request.dryRun) response.commitTime = timestampFromMicros(start.timeUs)
    return response
  }

  /** Checks that a record could be written. */
  #tryRecord(group: OpenGroup, commit: RecordContent): void {
    const { batch } = group.buffers
    const offset = batch.length
    this.#encode(group, commit)
    batch.rewind(offset)
  }

  #encode({ state, start, buffers }: OpenGroup, commit: RecordContent): number {
    return encodeRecord(buffers.batch, {
      ...commit,
      epoch: start.epoch,
      timeUs: start.timeUs,
      entity: (id) => state.entity(id),
      fieldsOf: (type) => state.type(type)?.fields ?? [],
    })
  }

  #addRecord(group: OpenGroup, commit: RecordContent): void {
    const { start } = group
    const { rows, batch } = group.buffers
    const offset = batch.length
    const recordStart = this.#encode(group, commit)
    rows.addLog(commit.revision, start.timeUs, batch.slice(recordStart, batch.length))
    group.offsets.push(offset)
    for (const change of commit.changes) {
      if (change.kind === 'event' || change.kind === 'config') group.payloadBytes += change.bytes
    }
    group.revision = commit.revision
  }

  #keepAnswer(
    group: OpenGroup,
    { commit, response, fingerprint }: { commit: PendingCommit; response: CommitResponse; fingerprint: string },
  ): void {
    const { idempotencyKey: key } = commit.request
    this.#scratch.rewind()
    encodeAnswer(this.#scratch, commit.request, response, group.start.timeUs)
    const answer = { fingerprint, response: this.#scratch.slice(0, this.#scratch.length).toString('latin1') }
    group.answers.set(key, answer)
    group.buffers.rows.addRequest({ key, revision: Number(response.revision), ...answer })
  }
}

/** What a group is written into. */
class GroupBuffers {
  readonly rows = new GroupRows()
  readonly batch = new ProtoWriter()

  reset(): void {
    this.rows.reset()
    this.batch.rewind()
  }
}

/** A group while commits are added. */
export class OpenGroup {
  readonly start: GroupStart
  readonly state: GroupState
  readonly buffers: GroupBuffers
  readonly effect: GroupEffect
  readonly settlements: Settlement[] = []
  readonly answers = new Map<string, AnsweredRequest>()
  readonly doubtfulKeys: string[] = []
  readonly offsets: number[] = []
  /** That of the newest commit. */
  revision: number
  /** About how many bytes the payloads of events, and the values of the configuration, take. */
  payloadBytes = 0

  constructor(start: GroupStart, state: GroupState, buffers: GroupBuffers, effect: GroupEffect) {
    this.start = start
    this.revision = start.revision
    this.state = state
    this.buffers = buffers
    this.effect = effect
  }

  /** Whether it should go, so that nobody waits long. */
  get isFull(): boolean {
    const { rows, batch } = this.buffers
    return batch.length + this.payloadBytes > enoughRecordBytes || rows.log.length > enoughRows
  }
}
