import { createServer } from 'node:net'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { assertPortFree, freePort, loopback } from './free-port.ts'

it('is one that no connection is given, and that can be listened on', async () => {
  const port = await freePort()
  expect(port).toBeLessThan(32_768)
  const server = createServer().listen(port, loopback)
  await once(server, 'listening')
  await expect(assertPortFree(port, 'a test')).rejects.toThrow('is in use by another program')
  server.close()
})
