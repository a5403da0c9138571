import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { OccurrenceService, ScheduleService } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { commit, type CommitBuilder } from '../commit/commit-builder.ts'
import type { CommitOptions, CommitResult } from '../commit/committer.ts'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'
import {
  occurrenceFromMessage,
  occurrenceStates,
  scheduleFromMessage,
  scheduleStates,
  versionFromMessage,
  type Occurrence,
  type OccurrenceStateName,
  type ScheduleStateName,
  type ScheduleVersion,
  type StoredSchedule,
} from './schedule.ts'
import { keyMessage, type ScheduleInput, type ScheduleRef } from './schedule-input.ts'
import { timeMessage } from './time-message.ts'

type Time = Timestamp | Date

/** What a put, a pause, a resume or a deletion did. */
export interface ScheduleChange {
  readonly id: string
  readonly revision: number
  readonly changed: boolean
}

/** Which schedules; all that is given must fit. */
export interface ScheduleQuery {
  readonly namespace?: string
  readonly tags?: readonly string[]
  /** Whether a schedule must have all of the tags; default: one of them. */
  readonly allTags?: boolean
  /** Default: any but deleted. */
  readonly state?: ScheduleStateName
}

/** Schedules by their tags; all that is given must fit. */
export interface TaggedSchedules {
  readonly tags: readonly string[]
  /** Whether a schedule must have all of the tags; default: one of them. */
  readonly allTags?: boolean
  readonly namespace?: string
}

/** What a change of all schedules with certain tags did. */
export interface TaggedChange {
  /** How many schedules were changed. */
  readonly count: number
  /** The last revision that it took; 0: there was nothing to change. */
  readonly revision: number
}

/** Which occurrences; all that is given must fit. */
export interface OccurrenceQuery {
  readonly schedule?: ScheduleRef
  readonly tags?: readonly string[]
  readonly allTags?: boolean
  readonly states?: readonly OccurrenceStateName[]
  /** The first time of the rule, and the time that all are before. */
  readonly from?: Time
  readonly to?: Time
  /** How many at most; default: all. */
  readonly limit?: number
}

/** What to preview: a schedule, a rule, or what a rule would change of a schedule. */
export interface PreviewInput {
  readonly schedule?: ScheduleRef
  readonly rule?: string | Readonly<Record<string, unknown>>
  readonly timezone?: string
  readonly from?: Time
  readonly to?: Time
  /** Default 10. */
  readonly limit?: number
}

export interface Preview {
  readonly times: readonly Timestamp[]
  readonly hasMore: boolean
  /** In English. */
  readonly description: string
  readonly added: readonly Timestamp[]
  readonly removed: readonly Timestamp[]
}

type Commits = (input: CommitBuilder, options: CommitOptions) => Promise<CommitResult>

const pageSize = 200

/** Makes, changes and reads schedules, and tells what became of their occurrences. */
export class ScheduleClient {
  readonly #caller: Caller
  readonly #commit: Commits

  constructor(caller: Caller, commits: Commits) {
    this.#caller = caller
    this.#commit = commits
  }

  /** Makes a schedule, or replaces the one of that id, or of that namespace and name. */
  put(input: ScheduleInput, options: CommitOptions = {}): Promise<ScheduleChange> {
    return this.#change(commit().putSchedule(input), options)
  }

  /** Ends a schedule for good. Throws `unknown_schedule`. */
  delete(schedule: ScheduleRef, options: CommitOptions = {}): Promise<ScheduleChange> {
    return this.#change(commit().deleteSchedule(schedule), options)
  }

  /** Pauses a schedule. Throws `unknown_schedule`. */
  pause(schedule: ScheduleRef, options: CommitOptions = {}): Promise<ScheduleChange> {
    return this.#change(commit().pauseSchedule(schedule), options)
  }

  /** Goes on with a schedule. Throws `unknown_schedule`. */
  resume(schedule: ScheduleRef, options: CommitOptions = {}): Promise<ScheduleChange> {
    return this.#change(commit().resumeSchedule(schedule), options)
  }

  /** Pauses all schedules that have certain tags. */
  async pauseTagged(schedules: TaggedSchedules, options: CallOptions = {}): Promise<TaggedChange> {
    return changeOf(await this.#caller.call(ScheduleService.method.pauseSchedules, taggedRequest(schedules), options))
  }

  /** Goes on with all schedules that have certain tags. */
  async resumeTagged(schedules: TaggedSchedules, options: CallOptions = {}): Promise<TaggedChange> {
    return changeOf(await this.#caller.call(ScheduleService.method.resumeSchedules, taggedRequest(schedules), options))
  }

  /**
   * Gives the webhooks of a schedule another secret. For the overlap, in milliseconds and a day by default, requests are
   * signed with the former one too. Tells until when. Throws `unknown_schedule`, `condition_failed`.
   */
  async rotateSecret(
    schedule: ScheduleRef,
    { secret, overlapMs }: { secret: string; overlapMs?: number },
    options: CallOptions = {},
  ): Promise<{ readonly revision: number; readonly overlapEndsAt: Timestamp | undefined }> {
    const overlap = overlapMs === undefined ? {} : { overlap: durationFromMs(overlapMs) }
    const request = { schedule: keyMessage(schedule), secret, ...overlap }
    const answer = await this.#caller.call(ScheduleService.method.rotateSecret, request, options)
    const { revision, overlapEndTime } = answer
    const overlapEndsAt = overlapEndTime === undefined ? undefined : timestampFromMessage(overlapEndTime)
    return { revision: Number(revision), overlapEndsAt }
  }

  /** Reads a schedule. Throws `unknown_schedule`. */
  async get(schedule: ScheduleRef, options: CallOptions = {}): Promise<StoredSchedule> {
    const request = { schedule: keyMessage(schedule) }
    const answer = await this.#caller.call(ScheduleService.method.getSchedule, request, options)
    if (answer.schedule === undefined) throw new QError('internal', 'the answer has no schedule')
    return scheduleFromMessage(answer.schedule)
  }

  /** The schedules, the newest first. */
  async *list(query: ScheduleQuery = {}, options: CallOptions = {}): AsyncGenerator<StoredSchedule, void> {
    const { namespace = '', tags = [], allTags: matchAllTags = false, state } = query
    const request = { namespace, tags: [...tags], matchAllTags, limit: pageSize }
    for (let cursor = ''; ;) {
      const stateFilter = state === undefined ? {} : { state: scheduleStates[state] }
      const asked = { ...request, ...stateFilter, cursor }
      const page = await this.#caller.call(ScheduleService.method.listSchedules, asked, options)
      yield* page.schedules.map(scheduleFromMessage)
      cursor = page.nextCursor
      if (cursor === '') return
    }
  }

  /** What a schedule was, and who made it so, the newest first; of a deleted one by its id. Throws `unknown_schedule`. */
  async *versions(schedule: ScheduleRef, options: CallOptions = {}): AsyncGenerator<ScheduleVersion, void> {
    const request = { schedule: keyMessage(schedule), limit: pageSize }
    for (let cursor = ''; ;) {
      const page = await this.#caller.call(ScheduleService.method.listScheduleVersions, { ...request, cursor }, options)
      yield* page.versions.map(versionFromMessage)
      cursor = page.nextCursor
      if (cursor === '') return
    }
  }

  /** Runs a schedule now, once a key; also one that is paused. */
  async run(schedule: ScheduleRef, options: CommitOptions = {}): Promise<Occurrence> {
    const { idempotencyKey = crypto.randomUUID() } = options
    const request = { schedule: keyMessage(schedule), idempotencyKey }
    return occurrenceOf(await this.#caller.call(ScheduleService.method.runSchedule, request, options))
  }

  /** Runs what a schedule had, or would have had, in a span of the past. Returns how many occurrences. */
  async backfill(
    schedule: ScheduleRef,
    { from, to, includeCompleted = false }: { from: Time; to: Time; includeCompleted?: boolean },
    options: CallOptions = {},
  ): Promise<number> {
    const span = { fromTime: timeMessage(from), toTime: timeMessage(to) }
    const request = { schedule: keyMessage(schedule), ...span, includeCompleted }
    return (await this.#caller.call(ScheduleService.method.backfillSchedule, request, options)).count
  }

  /** Tells when a rule fires, and what an edit would change. Throws `invalid_schedule`, `schedule_never_fires`. */
  async preview(input: PreviewInput, options: CallOptions = {}): Promise<Preview> {
    const { schedule, rule = '', timezone = '', from, to, limit = 0 } = input
    const request = {
      ...(schedule === undefined ? {} : { schedule: keyMessage(schedule) }),
      rule: typeof rule === 'string' ? rule : JSON.stringify(rule),
      timezone,
      ...spanOf({ from, to }),
      limit,
    }
    const answer = await this.#caller.call(ScheduleService.method.previewSchedule, request, options)
    return {
      times: answer.times.map(timestampFromMessage),
      hasMore: answer.hasMore,
      description: answer.description,
      added: answer.addedTimes.map(timestampFromMessage),
      removed: answer.removedTimes.map(timestampFromMessage),
    }
  }

  /** Occurrences, the newest time first. */
  async *occurrences(query: OccurrenceQuery = {}, options: CallOptions = {}): AsyncGenerator<Occurrence, void> {
    const { schedule, tags = [], allTags: matchAllTags = false, states = [], from, to, limit = Infinity } = query
    const request = {
      ...(schedule === undefined ? {} : { schedule: keyMessage(schedule) }),
      tags: [...tags],
      matchAllTags,
      states: states.map((state) => occurrenceStates[state]),
      ...spanOf({ from, to }),
      limit: Math.min(limit, pageSize),
    }
    let left = limit
    for (let cursor = ''; left > 0;) {
      const page = await this.#caller.call(OccurrenceService.method.listOccurrences, { ...request, cursor }, options)
      yield* page.occurrences.slice(0, left).map(occurrenceFromMessage)
      left -= page.occurrences.length
      cursor = page.nextCursor
      if (cursor === '') return
    }
  }

  /** Reads an occurrence, with its attempts. Throws `unknown_occurrence`. */
  async occurrence(occurrenceId: string, options: CallOptions = {}): Promise<Occurrence> {
    return occurrenceOf(await this.#caller.call(OccurrenceService.method.getOccurrence, { occurrenceId }, options))
  }

  /** Says why a schedule did or did not run at a time. */
  async explain(schedule: ScheduleRef, at: Time, options: CallOptions = {}): Promise<string> {
    const request = { schedule: keyMessage(schedule), nominalTime: timeMessage(at) }
    return (await this.#caller.call(OccurrenceService.method.explainOccurrence, request, options)).text
  }

  /** Takes one occurrence back, by its time. Throws `unknown_occurrence`, `occurrence_over`. */
  async cancelOccurrence(schedule: ScheduleRef, at: Time, options: CallOptions = {}): Promise<Occurrence> {
    const request = { schedule: keyMessage(schedule), nominalTime: timeMessage(at) }
    return occurrenceOf(await this.#caller.call(OccurrenceService.method.cancelOccurrence, request, options))
  }

  /** Gives one occurrence another time. Throws `unknown_occurrence`, `occurrence_over`. */
  async moveOccurrence(schedule: ScheduleRef, at: Time, to: Time, options: CallOptions = {}): Promise<Occurrence> {
    const request = { schedule: keyMessage(schedule), nominalTime: timeMessage(at), dueTime: timeMessage(to) }
    return occurrenceOf(await this.#caller.call(OccurrenceService.method.moveOccurrence, request, options))
  }

  async #change(input: CommitBuilder, options: CommitOptions): Promise<ScheduleChange> {
    const { revision, results } = await this.#commit(input, options)
    const [result] = results
    return { id: result?.scheduleId ?? '', revision, changed: result?.changed ?? false }
  }
}

function occurrenceOf({
  occurrence,
}: {
  occurrence?: Parameters<typeof occurrenceFromMessage>[0] | undefined
}): Occurrence {
  if (occurrence === undefined) throw new QError('internal', 'the answer has no occurrence')
  return occurrenceFromMessage(occurrence)
}

function taggedRequest({ tags, allTags: matchAllTags = false, namespace = '' }: TaggedSchedules) {
  return { tags: [...tags], matchAllTags, namespace }
}

function changeOf({ count, revision }: { count: number; revision: bigint }): TaggedChange {
  return { count, revision: Number(revision) }
}

function spanOf({ from, to }: { from: Time | undefined; to: Time | undefined }) {
  return {
    ...(from === undefined ? {} : { fromTime: timeMessage(from) }),
    ...(to === undefined ? {} : { toTime: timeMessage(to) }),
  }
}
