import type { Client, StoredSchedule } from '@qcore/client'

/** A task: an event at the times of a rule. */
export interface TaskDefinition {
  /** What it is known by in the namespace: another definition of the same name replaces it. */
  readonly name: string
  /** Five fields; also six, the first of which is seconds, and `@every 5m`. */
  readonly cronExpression: string
  readonly eventType: string
  /** Anything that JSON can hold; default `{}`. */
  readonly payload?: unknown
  /** An IANA name, for example `America/New_York`; default UTC. */
  readonly timezone?: string
  /** What becomes of ticks that nobody could fire in time; default `skip`. */
  readonly catchUp?: 'skip' | 'last' | 'all'
}

/** A task as it is. Times are as in `2026-11-21T10:00:00.000000Z`. */
export interface ScheduledTask {
  readonly taskId: string
  readonly name: string
  readonly cronExpression: string
  readonly eventType: string
  readonly timezone: string
  readonly active: boolean
  readonly createdAt: string
  readonly updatedAt: string
  /** Absent: it does not fire any more, or is paused. */
  readonly nextRunAt?: string
  /** Absent: it has not fired yet. */
  readonly lastRunAt?: string
}

/** The tasks of a namespace. Its events have the producer `scheduler`, and the id of the task as correlation id. */
export class ScheduledTasks {
  readonly #client: Client
  readonly #namespace: string

  constructor(client: Client, namespace: string) {
    this.#client = client
    this.#namespace = namespace
  }

  /** Makes a task, or replaces the one of that name. Throws `invalid_schedule`, `invalid_request`, `schedule_never_fires`. */
  async put({ name, cronExpression, eventType, payload = {}, ...rest }: TaskDefinition): Promise<ScheduledTask> {
    const { id } = await this.#client.schedules.put({
      namespace: this.#namespace,
      name,
      rule: cronExpression,
      action: { emit: { type: eventType, payload } },
      ...rest,
    })
    return taskOf(await this.#client.schedules.get(id))
  }

  async list(): Promise<ScheduledTask[]> {
    const tasks: ScheduledTask[] = []
    for await (const schedule of this.#client.schedules.list({ namespace: this.#namespace })) {
      if (schedule.action === 'emit' && schedule.name !== '') tasks.push(taskOf(schedule))
    }
    return tasks
  }

  /** Throws `unknown_schedule`, as all the others. */
  async get(name: string): Promise<ScheduledTask> {
    return taskOf(await this.#client.schedules.get(this.#key(name)))
  }

  async pause(name: string): Promise<void> {
    await this.#client.schedules.pause(this.#key(name))
  }

  async resume(name: string): Promise<void> {
    await this.#client.schedules.resume(this.#key(name))
  }

  /** Emits its event now, once, also while it is paused. */
  async runNow(name: string): Promise<void> {
    await this.#client.schedules.run(this.#key(name))
  }

  async delete(name: string): Promise<void> {
    await this.#client.schedules.delete(this.#key(name))
  }

  #key(name: string): { namespace: string; name: string } {
    return { namespace: this.#namespace, name }
  }
}

function taskOf(schedule: StoredSchedule): ScheduledTask {
  const { id, name, rule, target, timezone, state, createdAt, updatedAt, nextAt, lastAt } = schedule
  return {
    taskId: id,
    name,
    cronExpression: rule,
    eventType: target,
    timezone,
    active: state === 'active',
    createdAt: createdAt.toString(),
    updatedAt: updatedAt.toString(),
    ...(nextAt === undefined ? {} : { nextRunAt: nextAt.toString() }),
    ...(lastAt === undefined ? {} : { lastRunAt: lastAt.toString() }),
  }
}
