import { expect, vi } from 'vitest'
import { inAnHour, startQhronos, type Qhronos, type Reply } from './_qhronos.ts'

/** Qhronos' interface with all that its events need, and what tests do with them. */
export interface QhronosEvents extends Qhronos {
  create(body: unknown, token?: string): Promise<Reply>
  /** Makes the basic event, with more. */
  made(more?: object): Promise<{ id: string; version: number }>
  /** A call of the platform's own service. */
  // oxlint-disable-next-line typescript/no-explicit-any
  rpc(method: string, body: unknown): Promise<any>
}

export const hook = 'http://hooks.example.com/qhronos'
export const basic = () => ({ name: 'Test Event', start_time: inAnHour(), webhook: hook })
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export async function startEvents(): Promise<QhronosEvents> {
  const q = await startQhronos(['auth', 'writer', 'reader', 'scheduler', 'gateway'])
  const create: QhronosEvents['create'] = (body, token = q.admin) => q.call('POST', '/events', { token, body })
  // What every store begins with is made by the writer, once it leads.
  await vi.waitFor(
    async () => expect(await create({ ...basic(), name: 'first' })).toMatchObject({ status: 201 }),
    20_000,
  )
  return {
    ...q,
    create,
    async made(more = {}) {
      const { status, body } = await create({ ...basic(), ...more })
      if (status !== 201) throw new Error(JSON.stringify(body))
      return body as { id: string; version: number }
    },
    async rpc(method, body) {
      const path = `/qcore.schedule.v1.ScheduleService/${method}`
      const { status, body: answer } = await q.call('POST', path, { token: await q.ownAdmin(), body })
      expect(status).toBe(200)
      return answer
    },
  }
}
