import { randomUUIDv7 } from 'node:crypto'
import { ScheduleVersionChange, type ScheduleKey } from '@qcore/contracts'
import type { GroupRows } from '@qcore/database'
import { BoundFields, bindingsOf } from './schedule-bindings.ts'
import { readDefinition } from './schedule-definition.ts'
import {
  occurrenceStates,
  scheduleStates,
  type ScheduleFacts,
  type ScheduleStep,
  type Withdrawal,
} from './schedule-facts.ts'

/** What groups know of schedules: what was loaded, under what their commits did. */
export class ScheduleState {
  readonly #stored = new Map<string, ScheduleFacts>()
  readonly #steps: ScheduleStep[] = []
  readonly #now = new Map<string, ScheduleFacts>()
  /** What commits have bound schedules to. */
  readonly #bound = new BoundFields()

  /** Takes in what was loaded. */
  addStored(schedules: readonly ScheduleFacts[]): void {
    for (const schedule of schedules) this.#stored.set(schedule.id, schedule)
  }

  /** The schedule of an id, also a deleted one. */
  byId(id: string): ScheduleFacts | undefined {
    return this.#now.get(id) ?? this.#stored.get(id)
  }

  /** The schedule that has a name, and is not deleted. */
  byName(namespace: string, name: string): ScheduleFacts | undefined {
    const ids = new Set([...this.#stored.keys(), ...this.#now.keys()])
    for (const id of ids) {
      const schedule = this.byId(id)
      if (schedule?.namespace === namespace && schedule.name === name && schedule.state !== scheduleStates.deleted)
        return schedule
    }
    return undefined
  }

  /** The schedule that a key names, if there is one that is not deleted. */
  find({ id, namespace, name }: Pick<ScheduleKey, 'id' | 'namespace' | 'name'>): ScheduleFacts | undefined {
    if (id === '') return this.byName(namespace, name)
    const schedule = this.byId(id)
    return schedule?.state === scheduleStates.deleted ? undefined : schedule
  }

  /**
   * The revision by which the occurrences of a schedule that is paused now were planned. That commits of this group had it go
   * on in between counts for nothing: nothing was planned then.
   */
  planRevisionOfPaused({ id, ruleSpec, planRevision }: ScheduleFacts): number {
    const stored = this.#stored.get(id)
    return stored?.ruleSpec === ruleSpec ? stored.planRevision : planRevision
  }

  /** Does something to a schedule. Returns what takes it back. */
  take(step: ScheduleStep): () => void {
    const { length } = this.#steps
    const { id } = step.facts
    const before = this.#now.get(id)
    this.#steps.push(step)
    this.#now.set(id, step.facts)
    if (step.facts.isBound) this.#bound.set(id, bindingsOf(readDefinition(step.facts.definition).bindings))
    return () => {
      this.#steps.length = length
      if (before === undefined) this.#now.delete(id)
      else this.#now.set(id, before)
      this.#bound.set(id, [])
    }
  }

  /** Whether commits have bound schedules to fields. */
  get hasBound(): boolean {
    return !this.#bound.isEmpty
  }

  /** The schedules that commits have bound to fields of an entity. */
  boundTo(entityId: string): Iterable<string> {
    return this.#bound.ofEntity(entityId)
  }

  /** The schedules that commits have changed, as they are now. */
  changed(): Iterable<ScheduleFacts> {
    return this.#now.values()
  }

  /** Adds the rows of what the group did: the net effect, a schedule once. */
  addRows(rows: GroupRows): void {
    if (this.#steps.length === 0) return
    const last = new Map<string, NetStep>()
    for (const step of this.#steps) last.set(step.facts.id, merged(last.get(step.facts.id), step))
    for (const step of last.values()) addStep(rows, step)
    for (const [index, step] of this.#steps.entries()) addVersion(rows, step, index)
  }
}

/** Steps of one schedule as one. */
interface NetStep extends ScheduleStep {
  /** What is withdrawn even if the schedule goes on. */
  readonly lasting: Withdrawal | undefined
}

/**
 * Two steps of one schedule as one: what the second one does not plan or withdraw is as the first one has it. One that has the
 * schedule go on takes back what the first one skipped: a statement cannot do both to a row.
 */
function merged(first: NetStep | undefined, second: ScheduleStep): NetStep {
  const { plan = first?.plan, withdrawal } = second
  const goesOn = second.plan?.idle !== undefined
  const skips = withdrawal?.state === occurrenceStates.skipped
  return {
    ...second,
    plan,
    withdrawal: withdrawal ?? (goesOn ? first?.lasting : first?.withdrawal),
    lasting: skips ? first?.lasting : (withdrawal ?? first?.lasting),
  }
}

const changes = {
  put: ScheduleVersionChange.PUT,
  deleted: ScheduleVersionChange.DELETED,
  paused: ScheduleVersionChange.PAUSED,
  resumed: ScheduleVersionChange.RESUMED,
} as const

function addVersion(rows: GroupRows, { facts, done, writer, timeUs }: ScheduleStep, step: number): void {
  rows.addScheduleVersion({ ...facts, scheduleId: facts.id, step, change: changes[done], writer, changedUs: timeUs })
}

function addStep(rows: GroupRows, { facts, tags, writer, timeUs, plan, withdrawal }: ScheduleStep): void {
  const { id, revision } = facts
  const isActive = facts.state === scheduleStates.active
  const first = isActive ? plan?.first : undefined
  const exceptUs = first?.nominalUs ?? -1
  rows.addSchedule({
    ...facts,
    tags: JSON.stringify(tags),
    writer,
    changedUs: timeUs,
    plannedUs: plan?.plannedUs ?? facts.plannedUs,
    planUs: isActive && facts.disabledReason === '' ? (plan?.planUs ?? null) : null,
    idleUntilUs: plan?.idle?.untilUs ?? 0,
    idleReason: plan?.idle?.reason ?? '',
  })
  if (withdrawal !== undefined) {
    const { state, reason, all, afterUs } = withdrawal
    rows.addWithdrawn({ scheduleId: id, state, reason, endedUs: timeUs, afterUs, exceptUs, all })
  }
  if (isActive && plan?.idle !== undefined) {
    const { untilUs: dueAfterUs, sinceRevision } = plan.idle
    rows.addRevived({ scheduleId: id, dueAfterUs, sinceRevision, scheduleRevision: revision, exceptUs })
  }
  if (first !== undefined) {
    const { nominalUs, dueUs } = first
    rows.addPlanned({
      id: randomUUIDv7(),
      scheduleId: id,
      nominalUs,
      dueUs,
      scheduleRevision: revision,
      createdUs: timeUs,
    })
  }
}
