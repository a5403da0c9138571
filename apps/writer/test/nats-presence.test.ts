import { openFaultProxy } from '@qcore/fault-proxy'
import { openNats } from '@qcore/service'
import { expect, inject, it, vi } from 'vitest'
import { NatsPresence } from '../src/lease/nats-presence.ts'

it('sees that NATS was lost before it began to look', async () => {
  await using proxy = await openFaultProxy(inject('natsUrl'))
  const connection = await openNats(proxy.url, { name: 'test' })
  await using _ = { [Symbol.asyncDispose]: () => connection.close() }
  const lost = (async () => {
    for await (const { type } of connection.status()) if (type === 'disconnect') return
  })()
  proxy.cut()
  await lost
  using presence = new NatsPresence(connection)
  await vi.waitFor(() => expect(presence.isThere).toBe(false))
  proxy.restore()
  await vi.waitFor(() => expect(presence.isThere).toBe(true), { timeout: 5_000 })
})
