import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { startQhronos, type Qhronos } from './_qhronos.ts'

// The commands of the README of Qhronos, as they stand there.

const tokenBody = `{
       "type": "jwt",
       "sub": "your-user-id",
       "access": "admin",
       "scope": ["user:your-username"],
       "expires_at": "2024-12-31T23:59:59Z"
     }`
const eventBody = `{
       "name": "Daily Backup",
       "description": "System backup job",
       "schedule": "0 0 * * *",
       "tags": ["system:backup"],
       "metadata": {
         "backupType": "full",
         "retentionDays": 7
       }
     }`

let q: Qhronos

beforeAll(async () => {
  q = await startQhronos(['auth', 'writer', 'reader', 'notifier', 'scheduler', 'gateway'], {
    Q_QHRONOS_PAST_EXPIRY_SECONDS: '600',
  })
  await vi.waitFor(async () => expect((await q.call('GET', '/status')).body.status).toBe('ok'), 20_000)
})

afterAll(() => q[Symbol.asyncDispose]())

it('the quick start works, from the token to the event', async () => {
  const minted = await q.call('POST', '/tokens', { token: q.masterToken, text: tokenBody })
  expect(minted.status).toBe(200)
  expect(minted.body).toMatchObject({
    type: 'jwt',
    sub: 'your-user-id',
    access: 'admin',
    scope: ['user:your-username'],
    warning: 'expires_at is in the past; the token is good for 600 seconds',
  })
  expect(Date.parse(minted.body.expires_at as string)).toBeGreaterThan(Date.now())
  const token = minted.body.token as string
  const made = await q.call('POST', '/events', { token, text: eventBody })
  expect(made.status).toBe(201)
  const event = {
    name: 'Daily Backup',
    description: 'System backup job',
    schedule: '0 0 * * *',
    tags: ['system:backup'],
    metadata: { backupType: 'full', retentionDays: 7 },
    status: 'active',
  }
  expect(made.body).toMatchObject({ ...event, created_at: expect.any(String), updated_at: expect.any(String) })
  const list = await q.call('GET', '/events', { token })
  expect([list.status, list.body]).toMatchObject([200, [{ id: made.body.id, ...event }]])
  const one = await q.call('GET', `/events/${made.body.id}`, { token })
  expect([one.status, one.body]).toMatchObject([200, { id: made.body.id, ...event }])
})

it('an end in the future stays as it was asked for', async () => {
  const expires_at = new Date(Date.now() + 5_000_000).toISOString()
  const body = { type: 'jwt', sub: 'ada', access: 'read', scope: [], expires_at }
  const minted = await q.call('POST', '/tokens', { token: q.masterToken, body })
  expect([minted.status, minted.body.expires_at, minted.body.warning]).toEqual([200, expires_at, undefined])
})
