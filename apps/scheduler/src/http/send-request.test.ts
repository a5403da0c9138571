import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Connections } from './connections.ts'
import { EgressRules } from './egress-rules.ts'
import { sendRequest } from './send-request.ts'

/** A receiver that stands still: its system takes a few connections for it, and does not answer others. */
const standingStill = `
  const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    process.send(server.address().port)
    process.kill(process.pid, 'SIGSTOP')
  })`

it('a request that gets no connection ends when its signal says so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-'))
  const program = join(folder, 'receiver.cjs')
  writeFileSync(program, standingStill)
  const receiver = fork(program)
  const taken: Socket[] = []
  const rules = new EgressRules(['127.0.0.1'])
  const connections = new Connections(rules)
  try {
    const [port] = (await once(receiver, 'message')) as [number]
    for (let isTaken = true; isTaken;) {
      const socket = connect(port, '127.0.0.1')
      taken.push(socket)
      isTaken = await Promise.race([once(socket, 'connect').then(() => true), delay(500, false)])
    }
    const request = { method: 'POST', url: `http://127.0.0.1:${port}/`, headers: [], body: Buffer.from('x') }
    for (const [signal, name] of [
      [AbortSignal.timeout(300), 'TimeoutError'],
      [AbortSignal.abort(), 'AbortError'],
    ] as const) {
      const told = sendRequest(request, { rules, connections }, signal).catch((error: unknown) => error)
      expect(await Promise.race([told, delay(10_000, 'no end', { ref: false })])).toMatchObject({ name })
    }
  } finally {
    for (const socket of taken) socket.destroy()
    receiver.kill('SIGKILL')
    rmSync(folder, { recursive: true })
    await connections[Symbol.asyncDispose]()
  }
})
