import { commit, connect, type Client, type ScheduleInput } from '@qcore/client'
import { AccessLevel, OccurrenceState } from '@qcore/contracts'
import { launch } from '@qcore/launcher'
import type { Service } from '@qcore/service'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
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
  const secret = { read: ['boss'], write: [] }
  await q.commit(
    commit().setSchema({
      type: 'Plan',
      fields: {
        Rule: 'String',
        Zone: 'String',
        Off: 'Bool',
        Body: 'String',
        Note: 'String',
        Level: 'Int',
        Hidden: { type: 'String', permissions: secret },
      },
    }),
  )
})

afterAll(async () => {
  await q[Symbol.asyncDispose]()
  await scheduler[Symbol.asyncDispose]()
  await reader[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

async function newPlan(id: string, fields: Record<string, string | boolean> = {}): Promise<string> {
  await q.commit(commit().create('Plan', { parent: await q.root(), name: id, id, fields }))
  return id
}

/** A schedule that depends on the fields of a plan. */
async function bind(plan: string, more: Partial<ScheduleInput> = {}): Promise<string> {
  const { id } = await q.schedules.put({
    namespace: 'demo',
    rule: '0 0 1 1 *',
    action: { emit: { type: 'tick', payload: { own: true } } },
    bindings: { rule: { entity: plan, field: 'Rule' } },
    ...more,
  })
  return id
}

const minuteOf = async (id: string): Promise<number | undefined> =>
  (await q.schedules.get(id)).nextAt?.toDate().getUTCMinutes()

describe('a rule that a field holds', () => {
  it('is planned anew in the revision that writes the field', async () => {
    const plan = await newPlan('re-planned', { Rule: '17 * * * *' })
    const id = await bind(plan)
    expect(await q.schedules.get(id)).toMatchObject({ rule: '17 * * * *', bindings: { rule: { entityId: plan } } })
    expect(await minuteOf(id)).toBe(17)
    const { revision } = await q.write(plan, 'Rule', '42 * * * *')
    expect(await q.schedules.get(id)).toMatchObject({ rule: '42 * * * *', revision })
    expect(await minuteOf(id)).toBe(42)
    const cancelled = (await store.list(id)).filter(({ state }) => state === OccurrenceState.CANCELLED)
    expect(cancelled).toMatchObject([{ reason: 'changed' }])
  })

  it('is what the schedule itself says while the field is empty', async () => {
    const plan = await newPlan('empty')
    const id = await bind(plan, { rule: '5 * * * *' })
    expect(await minuteOf(id)).toBe(5)
    await q.write(plan, 'Rule', '6 * * * *')
    expect(await minuteOf(id)).toBe(6)
    await q.write(plan, 'Rule', '')
    expect(await minuteOf(id)).toBe(5)
  })

  it('says itself when it starts, whatever start the schedule has beside its own rule', async () => {
    const plan = await newPlan('starting', { Rule: 'DTSTART:20300101T091700Z\nRRULE:FREQ=DAILY' })
    const start = new Date('2029-01-01T08:00:00Z')
    const id = await bind(plan, { rule: 'FREQ=DAILY', start })
    expect(await q.schedules.get(id)).toMatchObject({ state: 'active' })
    expect(await minuteOf(id)).toBe(17)
    await q.write(plan, 'Rule', '')
    expect((await q.schedules.get(id)).nextAt?.toDate()).toEqual(start)
  })

  it('stays where the same is written, or another field', async () => {
    const plan = await newPlan('same', { Rule: '17 * * * *' })
    const { revision } = await q.schedules.get(await bind(plan))
    await q.write(plan, 'Rule', '17 * * * *')
    await q.write(plan, 'Note', 'x')
    for await (const each of q.schedules.list()) if (each.revision === revision) return
    throw new Error('the schedule has another revision')
  })

  it('disables the schedule if it cannot be read, until it can', async () => {
    const plan = await newPlan('unreadable', { Rule: '17 * * * *' })
    const id = await bind(plan)
    const { revision } = await q.write(plan, 'Rule', 'whenever you like')
    const disabled = await q.schedules.get(id)
    expect(disabled).toMatchObject({ state: 'disabled', revision, nextAt: undefined, rule: '17 * * * *' })
    expect(disabled.disabledReason).toContain('what it is bound to cannot be used')
    await q.write(plan, 'Rule', '18 * * * *')
    expect(await q.schedules.get(id)).toMatchObject({ state: 'active', disabledReason: '' })
    expect(await minuteOf(id)).toBe(18)
  })

  it('disables the schedule when its entity is deleted, until there is one of that id', async () => {
    const plan = await newPlan('deleted', { Rule: '17 * * * *' })
    const id = await bind(plan)
    await q.commit(commit().delete(plan))
    expect((await q.schedules.get(id)).disabledReason).toContain('Rule of deleted is gone')
    await newPlan('deleted', { Rule: '19 * * * *' })
    expect(await minuteOf(id)).toBe(19)
  })

  it('counts as it is at the end of the commit that puts the schedule and writes the field', async () => {
    const plan = await newPlan('together', { Rule: '17 * * * *' })
    const schedule: ScheduleInput = {
      namespace: 'demo',
      name: 'together',
      rule: '0 0 1 1 *',
      action: { emit: { type: 'tick' } },
      bindings: { rule: { entity: plan, field: 'Rule' } },
    }
    const { results } = await q.commit(commit().putSchedule(schedule).write(plan, 'Rule', '23 * * * *'))
    expect(await minuteOf(results[0]?.scheduleId ?? '')).toBe(23)
  })

  it('is followed by the next writer too, and no more once the binding is gone', async () => {
    const plan = await newPlan('kept', { Rule: '17 * * * *' })
    const id = await bind(plan)
    await store.restartWriter()
    await q.write(plan, 'Rule', '29 * * * *')
    expect(await minuteOf(id)).toBe(29)
    await bind(plan, { id, bindings: {}, rule: '31 * * * *' })
    await q.write(plan, 'Rule', '33 * * * *')
    expect(await minuteOf(id)).toBe(31)
  })
})

it('a zone that a field holds moves the schedule', async () => {
  const plan = await newPlan('zone')
  const bindings = { timezone: { entity: plan, field: 'Zone' } }
  const id = await bind(plan, { rule: '0 12 * * *', bindings })
  const hour = async (): Promise<number | undefined> => (await q.schedules.get(id)).nextAt?.toDate().getUTCHours()
  expect(await hour()).toBe(12)
  await q.write(plan, 'Zone', 'Asia/Kolkata')
  expect(await hour()).toBe(6)
  await q.write(plan, 'Zone', 'Moon/Tranquility')
  expect((await q.schedules.get(id)).state).toBe('disabled')
})

it('a field that says so pauses the schedule, and has it go on, in its revision', async () => {
  const plan = await newPlan('paused')
  const id = await bind(plan, { rule: '@every 1s', bindings: { paused: { entity: plan, field: 'Off' } } })
  await vi.waitFor(async () => {
    expect((await store.list(id)).some(({ state }) => state === OccurrenceState.COMPLETED)).toBe(true)
  }, patience)
  const { revision } = await q.write(plan, 'Off', true)
  expect(await q.schedules.get(id)).toMatchObject({ state: 'paused', revision })
  const open = (await store.list(id)).filter(({ state }) => state < OccurrenceState.RUNNING)
  expect(open).toEqual([])
  await q.write(plan, 'Off', false)
  const completed = async (): Promise<number> =>
    (await store.list(id)).filter(({ state }) => state === OccurrenceState.COMPLETED).length
  const before = await completed()
  await vi.waitFor(async () => expect(await completed()).toBeGreaterThan(before), patience)
})

it('a payload that a field holds is that of the next event', async () => {
  const plan = await newPlan('payload', { Body: '{"n": 1}' })
  const bindings = { payload: { entity: plan, field: 'Body' } }
  const id = await bind(plan, { rule: '@every 1s', bindings })
  const payloads = async (): Promise<string[]> => (await store.eventsOf(id)).map(({ payload }) => payload)
  await vi.waitFor(async () => expect(await payloads()).toContain('{"n": 1}'), patience)
  await q.write(plan, 'Body', '{"n": 2}')
  await vi.waitFor(async () => expect((await payloads()).at(-1)).toBe('{"n": 2}'), patience)
  await q.write(plan, 'Body', 'no JSON')
  expect((await q.schedules.get(id)).state).toBe('disabled')
})

it('a secret that is rotated leaves what the schedule says itself', async () => {
  const plan = await newPlan('rotated', { Rule: '17 * * * *', Zone: 'Asia/Kolkata', Body: '{"field":1}' })
  const bound = (field: string) => ({ entityId: plan, field })
  const own = { rule: '5 9 * * *', timezone: 'Europe/Paris', metadata: '{"own":1}' }
  const id = await store.put({
    ...own,
    action: { kind: { case: 'webhook', value: { url: 'https://example.com/hook', secret: 'first' } } },
    bindings: { rule: bound('Rule'), timezone: bound('Zone'), payload: bound('Body') },
  })
  const before = await store.read(id)
  expect(before).toMatchObject({ rule: '17 * * * *', timezone: 'Asia/Kolkata', metadata: '{"field":1}' })
  await store.schedules.rotateSecret({ schedule: { id }, secret: 'second' })
  const { rule, timezone, metadata, nextTime } = before
  expect(await store.read(id)).toMatchObject({ rule, timezone, metadata, nextTime })
  await q.commit(commit().write(plan, 'Rule', '').write(plan, 'Zone', '').write(plan, 'Body', ''))
  expect(await store.read(id)).toMatchObject(own)
})

describe('a binding is refused', () => {
  it.each([
    ['to a field that is not there', { rule: { entity: 'refused', field: 'Nothing' } }, 'unknown_field'],
    ['to an entity that is not there', { rule: { entity: 'nobody', field: 'Rule' } }, 'unknown_entity'],
    ['to a field of another type', { rule: { entity: 'refused', field: 'Level' } }, 'type_mismatch'],
    ['to a field of a wrong type for a pause', { paused: { entity: 'refused', field: 'Rule' } }, 'type_mismatch'],
    ['to a path', { rule: { entity: 'refused', field: 'A->Rule' } }, 'invalid_request'],
  ])('%s', async (_, bindings, code) => {
    await newPlan('refused').catch(() => undefined)
    await expect(bind('refused', { bindings })).rejects.toMatchObject({ code })
  })

  it('to a field that the caller may not read', async () => {
    const plan = await newPlan('secret', { Hidden: '17 * * * *' })
    await using caller = await connect({ transport: await store.transportOf(AccessLevel.WRITE) })
    const put = caller.schedules.put({
      namespace: 'demo',
      rule: '@daily',
      action: { emit: { type: 'tick' } },
      bindings: { rule: { entity: plan, field: 'Hidden' } },
    })
    await expect(put).rejects.toMatchObject({ code: 'unknown_field' })
  })
})
