import { create } from '@bufbuild/protobuf'
import type { Claims } from '@qcore/access'
import { CommitResponseSchema, type CommitResponse } from '@qcore/contracts'
import { GroupRows } from '@qcore/database'
import { isQError, QError } from '@qcore/errors'
import { limits, timestampFromMicros } from '@qcore/model'
import { applyMutation } from '../mutation/apply-mutation.ts'
import { checkCondition } from '../mutation/check-condition.ts'
import { ChangeList } from '../record/change-list.ts'
import { encodeRecord } from '../record/encode-record.ts'
import { ProtoWriter } from '../record/proto-writer.ts'
import { answerAgain, encodeAnswer, type AnsweredRequest } from './answered-request.ts'
import type { CommitContext } from './commit-context.ts'
import { CommitNeeds, endlessNeeds, LoadMore } from './commit-needs.ts'
import { fingerprintOf } from './fingerprint.ts'
import { GroupBreak } from './group-break.ts'
import { GroupEffect } from './group-effect.ts'
import { GroupState, nothingLoaded, type GroupLoad } from './group-state.ts'
import type { PendingCommit } from './pending-commit.ts'
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
  /** Commits that go into the next group. */
  readonly rest: readonly PendingCommit[]
  readonly answers: ReadonlyMap<string, AnsweredRequest>
  /** Keys of commits that failed, or changed nothing, and that an earlier writer may have answered. */
  readonly doubtfulKeys: readonly string[]
  /** The members `commits` of a LogBatch; valid until the next group is prepared. */
  readonly batch: Buffer
  /** Where each commit begins in `batch`. */
  readonly offsets: readonly number[]
}

/** Prepares groups, one at a time, with buffers that serve again and again. */
export class GroupPreparer {
  readonly #workingSet: WorkingSet
  readonly #onFault: (error: unknown) => void
  readonly #rows = new GroupRows()
  readonly #batch = new ProtoWriter()
  readonly #scratch = new ProtoWriter()

  constructor(workingSet: WorkingSet, onFault: (error: unknown) => void) {
    this.#workingSet = workingSet
    this.#onFault = onFault
  }

  /** Prepares a commit that the platform makes itself. */
  prepareOwn(start: GroupStart, caller: Claims, make: (context: CommitContext) => void): PreparedGroup {
    const group = this.#open(nothingLoaded(), start)
    const changes = new ChangeList()
    const revision = start.revision + 1
    make({ state: group.state, changes, revision, timeUs: start.timeUs, caller })
    this.#addRecord(group, { revision, changes, writer: caller.subject, idempotencyKey: '' })
    return this.#finish(group, [])
  }

  prepare(commits: readonly PendingCommit[], load: GroupLoad, start: GroupStart): PreparedGroup {
    const group = this.#open(load, start)
    let taken = 0
    for (const commit of commits) {
      const changesSchema = commit.request.mutations.some(({ kind }) => kind.case === 'setSchema')
      if (taken > 0 && (changesSchema || this.#isFull())) break
      const outcome = this.#prepareCommit(group, commit)
      if (outcome === undefined) break
      group.settlements.push({ commit, outcome })
      taken++
      if (changesSchema) break
    }
    return this.#finish(group, commits.slice(taken))
  }

  #open(load: GroupLoad, start: GroupStart): OpenGroup {
    this.#rows.reset()
    this.#batch.rewind()
    return new OpenGroup(this.#workingSet, load, start)
  }

  #finish(group: OpenGroup, rest: readonly PendingCommit[]): PreparedGroup {
    new GroupEffect(this.#rows, this.#scratch).add(group.state)
    return {
      start: group.start,
      toRevision: group.revision,
      rows: this.#rows,
      state: group.state,
      settlements: group.settlements,
      rest,
      answers: group.answers,
      doubtfulKeys: group.doubtfulKeys,
      batch: this.#batch.slice(0, this.#batch.length),
      offsets: group.offsets,
    }
  }

  #isFull(): boolean {
    return this.#batch.length > enoughRecordBytes || this.#rows.log.length > enoughRows
  }

  /** Undefined: the commit goes into the next group. */
  #prepareCommit(group: OpenGroup, commit: PendingCommit): CommitResponse | QError | undefined {
    const { idempotencyKey: key } = commit.request
    try {
      if (key === '') return this.#makeCommit(group, commit)
      const fingerprint = fingerprintOf(commit.request)
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

  #makeCommit(group: OpenGroup, { request, caller }: PendingCommit): CommitResponse {
    const { state, start } = group
    state.beginCommit()
    const changes = new ChangeList()
    const revision = group.revision + 1
    const context = { state, changes, revision, timeUs: start.timeUs, caller }
    for (const [index, condition] of request.conditions.entries()) {
      checkCondition(state, condition, `conditions[${index}]`)
    }
    const response = create(CommitResponseSchema)
    for (const [index, mutation] of request.mutations.entries()) {
      response.results.push(applyMutation(context, mutation, index))
    }
    if (changes.length > limits.changesPerCommit) {
      throw new QError('commit_too_large', `a commit makes at most ${limits.changesPerCommit} changes; split it`)
    }
    if (changes.length === 0) state.rollBack()
    else this.#addRecord(group, { revision, changes, writer: caller.subject, idempotencyKey: request.idempotencyKey })
    response.revision = BigInt(group.revision)
    if (changes.length > 0) response.commitTime = timestampFromMicros(start.timeUs)
    return response
  }

  #addRecord(
    group: OpenGroup,
    commit: { revision: number; changes: ChangeList; writer: string; idempotencyKey: string },
  ): void {
    const { state, start } = group
    const offset = this.#batch.length
    const recordStart = encodeRecord(this.#batch, {
      ...commit,
      epoch: start.epoch,
      timeUs: start.timeUs,
      entity: (id) => state.entity(id),
      fieldsOf: (type) => state.type(type)?.fields ?? [],
    })
    this.#rows.addLog(commit.revision, start.timeUs, this.#batch.slice(recordStart, this.#batch.length))
    group.offsets.push(offset)
    group.revision = commit.revision
  }

  #keepAnswer(
    group: OpenGroup,
    { commit, response, fingerprint }: { commit: PendingCommit; response: CommitResponse; fingerprint: Uint8Array },
  ): void {
    const { idempotencyKey: key } = commit.request
    this.#scratch.rewind()
    encodeAnswer(this.#scratch, commit.request, response, group.start.timeUs)
    const answer = { fingerprint, response: Buffer.from(this.#scratch.slice(0, this.#scratch.length)) }
    group.answers.set(key, answer)
    this.#rows.addRequest({ key, revision: Number(response.revision), ...answer })
  }
}

/** A group while commits are added. */
class OpenGroup {
  readonly start: GroupStart
  readonly state: GroupState
  readonly settlements: Settlement[] = []
  readonly answers = new Map<string, AnsweredRequest>()
  readonly doubtfulKeys: string[] = []
  readonly offsets: number[] = []
  /** That of the newest commit. */
  revision: number

  constructor(workingSet: WorkingSet, load: GroupLoad, start: GroupStart) {
    this.start = start
    this.revision = start.revision
    this.state = new GroupState(workingSet, load, start.nextFieldId)
  }
}
