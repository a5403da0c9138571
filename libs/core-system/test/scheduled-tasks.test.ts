import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CoreEvent, CoreSystem } from '../src/index.ts'
import { startStore, type TestStore } from './_store.ts'

const patience = { timeout: 30_000, interval: 20 }
const cleanup = {
  name: 'cleanup',
  cronExpression: '*/5 * * * *',
  eventType: 'maintenance.cleanup',
  payload: { limit: 100 },
}
let store: TestStore
let system: CoreSystem
let namespaces = 0

beforeAll(async () => {
  store = await startStore('writer,reader,notifier,auth,scheduler')
})
afterAll(() => store[Symbol.asyncDispose]())

beforeEach(async () => {
  namespaces += 1
  system = await store.system({ namespace: `tasks-${namespaces}` })
})
afterEach(() => system.close())

describe('a scheduled task', () => {
  it('is there once by its name, however often it is scheduled', async () => {
    const node = await system.registerNode()
    const first = await node.scheduleTask(cleanup)
    expect(first).toMatchObject({ name: 'cleanup', cronExpression: '*/5 * * * *', eventType: 'maintenance.cleanup' })
    expect(first.active).toBe(true)
    expect(Date.parse(first.nextRunAt ?? '') % 300_000).toBe(0)
    const again = await system.scheduleTask({ ...cleanup, cronExpression: '0 9 * * *', timezone: 'America/New_York' })
    expect(again).toMatchObject({ taskId: first.taskId, cronExpression: '0 9 * * *', timezone: 'America/New_York' })
    expect(new Date(again.nextRunAt ?? '').getUTCHours()).toBeOneOf([13, 14])
    expect(await system.tasks.list()).toEqual([again])
  })

  it('has one event a tick handled by the nodes, and when it is run by hand', async () => {
    const node = await system.registerNode()
    const events: CoreEvent[] = []
    await node.onEvent('heartbeat', (event) => void events.push(event))
    await node.start()
    const { taskId } = await node.scheduleTask({ name: 'beat', cronExpression: '@every 1s', eventType: 'heartbeat' })
    await vi.waitFor(() => expect(events.length).toBeGreaterThanOrEqual(3), patience)
    await system.tasks.pause('beat')
    const { active, nextRunAt, lastRunAt } = await system.tasks.get('beat')
    expect({ active, nextRunAt }).toEqual({ active: false, nextRunAt: undefined })
    expect(lastRunAt).toBeDefined()
    await system.tasks.runNow('beat')
    const emitted: string[] = []
    await vi.waitFor(async () => {
      emitted.length = 0
      for await (const { id } of system.client.events.search(system.namespace)) emitted.push(id)
      expect(events.map(({ messageId }) => messageId).toSorted()).toEqual(emitted.toSorted())
    }, patience)
    expect(events[0]).toMatchObject({ producerNodeId: 'scheduler', correlationId: taskId, payload: {} })
    await system.tasks.resume('beat')
    await vi.waitFor(() => expect(events.length).toBeGreaterThan(emitted.length), patience)
    await system.tasks.delete('beat')
    expect(await system.tasks.list()).toEqual([])
  })

  it('that is not right is refused by the name of what is wrong', async () => {
    const refused = (change: object): unknown => system.scheduleTask({ ...cleanup, ...change }).catch((error) => error)
    expect(await refused({ cronExpression: '99 * * * *' })).toMatchObject({ code: 'invalid_schedule' })
    expect(await refused({ timezone: 'Mars/Base' })).toMatchObject({ code: 'invalid_schedule' })
    expect(await refused({ eventType: 'no type' })).toMatchObject({ code: 'invalid_request' })
    await expect(system.tasks.pause('nobody')).rejects.toMatchObject({ code: 'unknown_schedule' })
  })
})
