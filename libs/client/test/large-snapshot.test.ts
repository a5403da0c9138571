import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { Client } from '../src/index.ts'
import { natsClient, spawnService, startStore, type ServiceProcess, type TestStore } from './_store.ts'

const entities = 20_000
const fieldsPerEntity = 10
/** With these the file has some 130 megabytes: a process that kept it, or its rows, would grow by more than `mostGrowthMib`. */
const textLength = 500
const mostGrowthMib = 100
const sampleMs = 200

let store: TestStore
let reader: ServiceProcess
let writer: ServiceProcess
let q: Client

beforeAll(async () => {
  store = await startStore(['auth'])
  // Little room for garbage, so that what is kept shows.
  const env = { ...store.env, NODE_OPTIONS: '--max-old-space-size=96 --max-semi-space-size=2' }
  reader = spawnService('reader', env)
  writer = spawnService('writer', env)
  q = await natsClient(store, await store.mint())
  await vi.waitFor(() => q.create('Folder', { parent: 'root', name: 'warm' }), { timeout: 20_000 })
}, 40_000)
afterAll(async () => {
  await q.close()
  await reader[Symbol.asyncDispose]()
  await writer[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

/** A snapshot file, line by line. */
function* largeFile(): Generator<string> {
  const hash = createHash('sha256')
  const hashed = (line: unknown): string => {
    const text = `${JSON.stringify(line)}\n`
    hash.update(text)
    return text
  }
  const time = '2026-01-01T00:00:00Z'
  const names = Array.from({ length: fieldsPerEntity }, (_, index) => `Field${index}`)
  const text = { valueType: 'VALUE_TYPE_STRING', unindexed: true }
  yield hashed({ header: { formatVersion: 1, store: 'x', revision: '1', logId: 'x', time } })
  yield hashed({ schema: { type: 'Large', fields: names.map((name, index) => ({ name, id: index + 1, ...text })) } })
  yield hashed({ schema: { type: 'Root' } })
  yield hashed({ entity: { id: 'root', type: 'Root', name: 'Root' } })
  for (let index = 0; index < entities; index++) {
    const id = `large-${index}`
    const value = { string: `${index} `.padEnd(textLength, 'x') }
    const fields = names.map((name) => ({ name, value, writeTime: time, writer: 'ada', revision: '1' }))
    yield hashed({ entity: { id, type: 'Large', name: id, parentId: 'root' }, fields })
  }
  const fields = `${entities * fieldsPerEntity}`
  yield `${JSON.stringify({ end: { schemas: '2', entities: `${entities + 1}`, fields, sha256: hash.digest('hex') } })}\n`
}

function residentMib(pid: number): number {
  return Number(spawnSync('ps', ['-o', 'rss=', '-p', `${pid}`]).stdout.toString()) / 1_024
}

/** How much a process grows at most while something is done. */
async function growthMib(service: ServiceProcess, work: () => Promise<void>): Promise<number> {
  const before = residentMib(service.pid)
  let most = before
  const timer = setInterval(() => (most = Math.max(most, residentMib(service.pid))), sampleMs)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  return most - before
}

it('of 200,000 fields is restored and saved in bounded memory', { timeout: 180_000 }, async () => {
  const writerGrowth = await growthMib(writer, async () => {
    await using restore = await q.restore(largeFile(), { timeoutMs: 60_000 })
    expect(restore.plan).toMatchObject({ problemCount: 0, entities: { created: entities } })
    await restore.apply({ timeoutMs: 60_000 })
  })
  let fileBytes = 0
  let last = ''
  const readerGrowth = await growthMib(reader, async () => {
    for await (const piece of q.snapshot()) {
      fileBytes += piece.length
      last = Buffer.from(piece).toString()
    }
  })
  expect(last).toContain(`"fields":"${entities * fieldsPerEntity}"`)
  expect(fileBytes / 1_048_576).toBeGreaterThan(mostGrowthMib)
  expect(writerGrowth).toBeLessThan(mostGrowthMib)
  expect(readerGrowth).toBeLessThan(mostGrowthMib)
})
