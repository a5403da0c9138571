import type { SyncConfig } from '@qcore/sync-config'
import { AbTest } from './ab-test.ts'
import { FeatureFlags } from './feature-flags.ts'
import { InvalidatedCache } from './invalidated-cache.ts'
import { RateLimiter } from './rate-limiter.ts'
import { TenantSettings } from './tenant-settings.ts'

/**
 * Shows the five applications: what one instance changes, the other has.
 *
 * @param print gets a line at a time
 */
export async function runExamples(one: SyncConfig, two: SyncConfig, print: (line: string) => void): Promise<void> {
  await new FeatureFlags(one).enable('new_ui')
  await two.sync()
  print(`feature flag new_ui: ${new FeatureFlags(two).isEnabled('new_ui')}`)

  const limiter = new RateLimiter(two)
  await new RateLimiter(one).updateLimit('/login', 5)
  await two.sync()
  print(`requests that pass of 8: ${Array.from({ length: 8 }, () => limiter.tryPass('/login')).filter(Boolean).length}`)

  const tenants = new TenantSettings(one)
  await tenants.setForEverybody('theme', 'light')
  await tenants.set('acme', 'theme', 'dark')
  await two.sync()
  const read = (tenant: string): string => new TenantSettings(two).getString(tenant, 'theme', 'none')
  print(`theme of acme: ${read('acme')}, of anybody else: ${read('zeta')}`)

  using cache = new InvalidatedCache(two, 'prices', async (id) => `${id}, loaded`)
  using other = new InvalidatedCache(one, 'prices', async (id) => id)
  print(`price: ${await cache.get('apple')}`)
  await other.bump()
  await two.sync()
  print(`times the cache was dropped: ${cache.drops}`)

  const test = new AbTest(one)
  const variants = [
    { name: 'blue', weight: 50 },
    { name: 'green', weight: 50 },
  ]
  await test.define('button', { enabled: true, variants, salt: 'spring' })
  await two.sync()
  const users = Array.from({ length: 1_000 }, (_, n) => `user-${n}`)
  const same = users.filter((user) => test.assign('button', user) === new AbTest(two).assign('button', user))
  print(`users with the same variant on both instances: ${same.length}`)
}
