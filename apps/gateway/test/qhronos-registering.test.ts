import { randomBytes } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import { createTokenVerifier, secretOnly } from '@qcore/access'
import { dueSubject, hookSubject } from '@qcore/contracts'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { createLogger, openNats } from '@qcore/service'
import { afterEach, beforeEach, expect, inject, it, vi } from 'vitest'
import type { DueFrame } from '../src/qhronos/socket/due-frame.ts'
import { Hooks } from '../src/qhronos/socket/hooks.ts'
import { TagListeners } from '../src/qhronos/socket/tag-listeners.ts'

let opened: AsyncDisposableStack
let store: string
let nats: FaultProxy
/** By way of `nats`. */
let connection: NatsConnection
let direct: NatsConnection

beforeEach(async () => {
  opened = new AsyncDisposableStack()
  store = `test_${randomBytes(6).toString('hex')}`
  nats = opened.use(await openFaultProxy(inject('natsUrl')))
  connection = await openNats(nats.url, { name: 'test' })
  opened.defer(() => connection.close())
  direct = await openNats(inject('natsUrl'), { name: 'test' })
  opened.defer(() => direct.close())
})

afterEach(() => opened.disposeAsync())

/** Registers while NATS goes away, and has NATS come back when that has failed. */
async function failToRegister(register: () => Promise<Disposable>): Promise<void> {
  nats.hold('answers')
  const registering = expect(register()).rejects.toThrow('disconnected')
  nats.cut()
  await registering
  nats.restore()
  await vi.waitFor(() => connection.flush(), 20_000)
}

it('a client-hook that could not be registered is not found', async () => {
  const verifier = createTokenVerifier(randomBytes(24).toString('hex'), secretOnly)
  const logger = createLogger({ service: 'gateway', level: 'silent', instanceId: 'test' })
  const hooks = new Hooks({ connection, store, verifier, logger })
  const ask = async (): Promise<unknown> =>
    (await direct.request(hookSubject(store, 'ada'), '', { timeout: 10_000 })).json()
  using other = await hooks.hold('ada', () => undefined)
  expect(await ask()).toHaveLength(1)
  await failToRegister(() => hooks.hold('ada', () => undefined))
  expect(await ask()).toHaveLength(1)
  other[Symbol.dispose]()
  await connection.flush()
  await expect(ask()).rejects.toThrow('no responders')
})

it('a tag-listener that could not be registered is told nothing', async () => {
  using listeners = new TagListeners(connection, store)
  const [lost, heard] = [vi.fn<(frame: DueFrame) => void>(), vi.fn<(frame: DueFrame) => void>()]
  await failToRegister(() => listeners.listen(['a'], lost))
  using _other = await listeners.listen(['a'], heard)
  direct.publish(
    dueSubject(store, 'qhronos'),
    JSON.stringify({ event_id: 'e', occurrence_id: 'o', metadata: {}, tags: ['a'] }),
  )
  await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(1), 10_000)
  expect(lost).not.toHaveBeenCalled()
})
