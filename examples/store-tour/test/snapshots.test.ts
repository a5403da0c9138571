import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connect } from '@qcore/client'
import { startSystem } from '@qcore/local-stack'
import { expect, it } from 'vitest'
import { tourSnapshots } from '../src/snapshots.ts'

it('saves a store, and brings a part of it back', { timeout: 60_000 }, async () => {
  await using system = await startSystem({})
  await using q = await connect({ servers: system.natsUrl, token: system.token })
  const folder = await mkdtemp(path.join(tmpdir(), 'qcore-tour-'))
  try {
    const [planned, , level] = await tourSnapshots(q, path.join(folder, 'store.jsonl'))
    expect(planned).toBe('1 created, 1 changed')
    expect(level).toMatch(/^Hall is at 7 again, written by /)
  } finally {
    await rm(folder, { recursive: true })
  }
})
