import { randomUUID } from 'node:crypto'
import { commit, connect, type Client, type Occurrence } from '@qcore/client'
import { AccessLevel } from '@qcore/contracts'
import { launch } from '@qcore/launcher'
import type { Service } from '@qcore/service'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { disableSchedule } from '../src/sql/disable-schedule.ts'
import { patience, startStore, type TestStore } from './_store.ts'

let store: TestStore
let scheduler: Service
let reader: AsyncDisposable
let q: Client

beforeAll(async () => {
  store = await startStore()
  reader = await launch({ ...store.env, Q_MODES: 'reader' })
  scheduler = await store.startScheduler()
  q = await connect({ transport: await store.transportOf(AccessLevel.ADMIN) })
  await q.commit(commit().setSchema({ type: 'Plan', fields: { Rule: 'String' } }))
})

afterAll(async () => {
  await q[Symbol.asyncDispose]()
  await scheduler[Symbol.asyncDispose]()
  await reader[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

interface Once {
  readonly id: string
  readonly at: Date
  /** The entity whose field holds the rule. */
  readonly plan: string
}

/** A schedule that fires once, in some seconds. */
async function putOnce(): Promise<Once> {
  const plan = randomUUID()
  const at = new Date(Date.now() + 3_000)
  const fields = { Rule: at.toISOString() }
  await q.commit(commit().create('Plan', { parent: await q.root(), name: plan, id: plan, fields }))
  const bindings = { rule: { entity: plan, field: 'Rule' } }
  const action = { emit: { type: 'tick' } } as const
  const { id } = await q.schedules.put({ namespace: 'demo', rule: '@daily', action, bindings })
  return { id, at, plan }
}

const passed = (time: Date): Promise<void> =>
  vi.waitFor(() => expect(Date.now()).toBeGreaterThan(time.getTime()), patience)

async function only(id: string): Promise<Occurrence | undefined> {
  const found: Occurrence[] = []
  for await (const each of q.schedules.occurrences({ schedule: id })) found.push(each)
  expect(found).toHaveLength(1)
  return found[0]
}

const unusable = ({ plan }: Once) => q.write(plan, 'Rule', 'whenever you like')
const gone = async ({ id }: Once): Promise<void> => {
  const { revision } = await q.schedules.get(id)
  await disableSchedule(store.pool, { scheduleId: id, revision, reason: 'gone' })
}
const usable = ({ plan, at }: Once) => q.write(plan, 'Rule', at.toISOString())
const resume = ({ id }: Once) => q.schedules.resume(id)
const pause = ({ id }: Once) => q.schedules.pause(id)

// Most of their time they wait.
describe.concurrent('an occurrence that was moved to a later time', () => {
  it.each<[string, ((once: Once) => Promise<unknown>)[], (once: Once) => Promise<unknown>]>([
    ['is paused', [pause], resume],
    ['is disabled by a field', [unusable], usable],
    ['is disabled by a scheduler', [gone], resume],
    ['is disabled by a scheduler and by a field', [gone, unusable], usable],
    ['is disabled, then paused', [gone, pause], resume],
    ['is paused, then disabled', [pause, unusable, usable], resume],
  ])('fires then, though its schedule %s meanwhile', async (_, stops, goOn) => {
    const once = await putOnce()
    const later = new Date(Date.now() + 3_600_000)
    await q.schedules.moveOccurrence(once.id, once.at, later)
    for (const stop of stops) await stop(once)
    expect((await only(once.id))?.state).toBe('skipped')
    await passed(once.at)
    await goOn(once)
    const waiting = await only(once.id)
    expect([waiting?.state, waiting?.reason, waiting?.dueAt.toDate()]).toEqual(['pending', '', later])
    await q.schedules.moveOccurrence(once.id, once.at, new Date())
    await vi.waitFor(async () => expect((await only(once.id))?.state).toBe('completed'), patience)
  })

  it.each<[string, (once: Once) => Promise<unknown>, (once: Once) => Promise<unknown>]>([
    ['a field', unusable, usable],
    ['a scheduler', gone, resume],
  ])('is skipped if that passes while %s has its schedule disabled', async (_, stop, goOn) => {
    const once = await putOnce()
    const later = new Date(once.at.getTime() + 500)
    await q.schedules.moveOccurrence(once.id, once.at, later)
    await stop(once)
    // The writer's clock may be somewhat behind.
    await passed(new Date(later.getTime() + 1_000))
    await goOn(once)
    const skipped = await only(once.id)
    expect([skipped?.state, skipped?.reason]).toEqual(['skipped', 'disabled'])
  })
})
