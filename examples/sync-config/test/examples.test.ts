import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { promisify } from 'node:util'
import { openSyncConfig, type SyncConfig } from '@qcore/sync-config'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { AbTest } from '../src/ab-test.ts'
import { FeatureFlags } from '../src/feature-flags.ts'
import { InvalidatedCache } from '../src/invalidated-cache.ts'
import { RateLimiter } from '../src/rate-limiter.ts'
import { TenantSettings } from '../src/tenant-settings.ts'

let one: SyncConfig
let two: SyncConfig
let problems: string[]

beforeAll(async () => {
  const options = {
    address: inject('postgresUrl'),
    schema: `test_${randomBytes(6).toString('hex')}`,
    onProblem: ({ message }: { message: string }) => problems.push(message),
  }
  one = await openSyncConfig(options)
  two = await openSyncConfig(options)
})

afterAll(async () => {
  await one.shutdown()
  await two.shutdown()
})

beforeEach(() => {
  problems = []
})

/** Waits until the second instance has what the first committed. */
async function propagated(): Promise<void> {
  await vi.waitFor(() => expect(two.revision).toBe(one.revision), { timeout: 10_000, interval: 5 })
}

describe('a feature flag', () => {
  it('is off until it is enabled, then on for every instance', async () => {
    const [here, there] = [new FeatureFlags(one), new FeatureFlags(two)]
    expect(there.isEnabled('new_ui')).toBe(false)
    await here.enable('new_ui')
    await propagated()
    expect(there.isEnabled('new_ui')).toBe(true)
    await here.disable('new_ui')
    await propagated()
    expect(there.isEnabled('new_ui')).toBe(false)
  })

  it('that is no boolean is off, with a warning', async () => {
    await one.set('feature:new_ui', 'yes')
    expect(new FeatureFlags(one).isEnabled('new_ui')).toBe(false)
    expect(problems).toEqual([expect.stringContaining('feature:new_ui')])
  })
})

describe('the rate limiter', () => {
  it('takes over a new limit with the next request', async () => {
    let nowMs = 0
    const limiter = new RateLimiter(two, { windowMs: 1_000, nowMs: () => nowMs })
    const passing = (requests: number): number =>
      Array.from({ length: requests }, () => limiter.tryPass('/login')).filter(Boolean).length
    expect(passing(101)).toBe(100)
    nowMs += 1_000
    const admin = new RateLimiter(one)
    await admin.updateLimit('/login', 5)
    await propagated()
    expect(passing(6)).toBe(5)
    await admin.updateLimit('/login', 7)
    await propagated()
    expect(passing(6)).toBe(2)
    nowMs += 1_000
    await admin.updateLimit('/login', 0)
    await propagated()
    expect(passing(3)).toBe(0)
    await one.delete('rate_limit:/login')
    await propagated()
    expect(limiter.getLimit('/login')).toBe(100)
  })
})

describe('settings of a tenant', () => {
  it('fall back to those of everybody, then to the code', async () => {
    const [admin, reader] = [new TenantSettings(one), new TenantSettings(two)]
    expect(reader.getString('a', 'theme', 'none')).toBe('none')
    await admin.setForEverybody('theme', 'light')
    await admin.setForEverybody('seats', 5)
    await admin.set('a', 'theme', 'dark')
    await propagated()
    expect([
      reader.getString('a', 'theme', ''),
      reader.getString('b', 'theme', ''),
      reader.getInt('a', 'seats', 0),
    ]).toEqual(['dark', 'light', 5])
    await admin.reset('a', 'theme')
    await propagated()
    expect(reader.getString('a', 'theme', '')).toBe('light')
  })

  it('are not seen by a tenant whose name begins with the same', async () => {
    const tenants = new TenantSettings(one)
    await tenants.set('t', 'x', 1)
    await tenants.set('t:u', 'x', 2)
    await tenants.set('t:u', 'y', 3)
    expect([tenants.list('t'), tenants.list('t:u')]).toEqual([{ x: 1 }, { x: 2, y: 3 }])
    await tenants.clear('t')
    expect([tenants.list('t'), tenants.list('t:u')]).toEqual([{}, { x: 2, y: 3 }])
  })
})

describe('a cache', () => {
  it('is dropped once a bump, on every instance, and not for one of a longer name', async () => {
    using here = new InvalidatedCache(one, 'prices', async (id) => id)
    await here.bump()
    await propagated()
    const loads: string[] = []
    const load = async (id: string): Promise<string> => {
      loads.push(id)
      return id
    }
    using there = new InvalidatedCache(two, 'prices', load)
    using longer = new InvalidatedCache(two, 'prices:old', load)
    await there.get('a')
    await there.get('a')
    expect([loads, there.drops]).toEqual([['a'], 0])
    await here.bump()
    await propagated()
    await vi.waitFor(() => expect([there.drops, longer.drops]).toEqual([1, 0]))
    await there.get('a')
    expect(loads).toEqual(['a', 'a'])
    await Promise.all([here.bump(), here.bump(), there.bump()])
    await vi.waitFor(() => expect([here.drops, there.drops]).toEqual([5, 4]))
  })

  it('keeps nothing that could not be loaded', async () => {
    let works = false
    using cache = new InvalidatedCache(one, 'broken', async (id) => {
      if (!works) throw new Error('broken')
      return id
    })
    await expect(cache.get('a')).rejects.toThrow('broken')
    works = true
    await expect(cache.get('a')).resolves.toBe('a')
  })
})

describe('an experiment', () => {
  const users = Array.from({ length: 10_000 }, (_, n) => `user-${n}`)

  it('deals users by weight, the same on every instance', async () => {
    const [here, there] = [new AbTest(one), new AbTest(two)]
    const variants = [
      { name: 'A', weight: 50 },
      { name: 'B', weight: 50 },
    ]
    await here.define('button', { enabled: true, variants, salt: 's' })
    await propagated()
    const dealt = users.map((user) => here.assign('button', user))
    expect(users.map((user) => there.assign('button', user))).toEqual(dealt)
    expect(Math.abs(dealt.filter((name) => name === 'A').length / users.length - 0.5)).toBeLessThan(0.02)
    await here.define('button', {
      enabled: true,
      variants: [
        { name: 'A', weight: 100 },
        { name: 'B', weight: 0 },
      ],
      salt: 's',
    })
    await propagated()
    expect(new Set(users.map((user) => there.assign('button', user)))).toEqual(new Set(['A']))
    await here.define('button', { enabled: false, variants, salt: 's' })
    await propagated()
    expect(there.assign('button', 'user-1')).toBe('control')
  })

  it('that is unknown or makes no sense is the control', async () => {
    const test = new AbTest(one)
    for (const value of [
      1,
      null,
      [],
      {},
      { enabled: true },
      { enabled: true, variants: [{ name: 'A' }, { name: 'B', weight: -1 }, 7] },
    ]) {
      await one.set('ab:odd', value)
      expect(test.assign('odd', 'user')).toBe('control')
    }
    expect(test.assign('never', 'user')).toBe('control')
  })
})

it('the examples run as the documentation says', { timeout: 60_000 }, async () => {
  const runner = path.join(import.meta.dirname, '../../run.ts')
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [runner, 'sync-config'])
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n')).toEqual([
    'feature flag new_ui: true',
    'requests that pass of 8: 5',
    'theme of acme: dark, of anybody else: light',
    'price: apple, loaded',
    'times the cache was dropped: 1',
    'users with the same variant on both instances: 1000',
  ])
})
