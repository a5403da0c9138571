import { randomBytes } from 'node:crypto'
import { launch } from '@qcore/launcher'
import { freePort } from '@qcore/local-stack'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { QhronosClient, QhronosError } from '../src/index.ts'

const masterToken = randomBytes(24).toString('hex')
const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString()

let baseUrl: string
let client: QhronosClient
const opened = new AsyncDisposableStack()

beforeAll(async () => {
  const address = `127.0.0.1:${await freePort()}`
  baseUrl = `http://${address}`
  opened.use(
    await launch({
      Q_STORE: `test_${randomBytes(6).toString('hex')}`,
      Q_POSTGRES_ADDR: inject('postgresUrl'),
      Q_NATS_ADDR: inject('natsUrl'),
      Q_AUTH_SECRET: randomBytes(24).toString('hex'),
      Q_MASTER_TOKEN: masterToken,
      Q_WEB_ADDR: address,
      Q_LOG_LEVEL: 'silent',
      Q_MODES: 'auth,writer,reader,scheduler,gateway',
    }),
  )
  const master = new QhronosClient({ baseUrl, authToken: masterToken })
  const { token } = await master.createToken({ sub: 'me', access: 'admin', scope: [], expires_at: inAnHour() })
  client = new QhronosClient({ baseUrl: `${baseUrl}/`, authToken: token })
  // What every store begins with is made by the writer, once it leads.
  await vi.waitFor(() => client.createEvent({ name: 'first', schedule: '0 0 * * *' }), 20_000)
})

afterAll(() => opened.disposeAsync())

async function failureOf(call: Promise<unknown>): Promise<QhronosError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof QhronosError) return error
  throw new Error('the call did not fail as it should', { cause: error })
}

describe('the client', () => {
  it('makes, reads, lists, changes and deletes events', async () => {
    const tags = ['billing']
    const event = await client.createEvent({ name: 'Daily Backup', schedule: '0 0 * * *', tags, metadata: { days: 7 } })
    expect(await client.getEvent(event.id)).toEqual(event)
    expect((await client.listEvents({ tags, match: 'all', status: 'active' })).map(({ id }) => id)).toEqual([event.id])
    expect(await client.getEventsByTag('none')).toEqual([])
    const changed = await client.updateEvent(event.id, { status: 'paused' }, { ifVersion: event.version })
    expect(changed).toMatchObject({ status: 'paused', metadata: { days: 7 } })
    const late = await failureOf(client.updateEvent(event.id, { name: 'x' }, { ifVersion: event.version }))
    expect([late.status, late.code]).toEqual([412, 'condition_failed'])
    expect((await client.waitForEventStatus(event.id, 'paused', 5_000)).id).toBe(event.id)
    expect((await failureOf(client.waitForEventStatus(event.id, 'active', 600))).code).toBe('deadline_exceeded')
    await client.deleteEvent(event.id)
    expect((await failureOf(client.getEvent(event.id))).status).toBe(404)
  })

  it('makes one event of two calls with one key', async () => {
    const event = { name: 'once', start_time: inAnHour(), webhook: 'http://hooks.example.com' }
    const made = [
      await client.createEvent(event, { idempotencyKey: 'k-1' }),
      await client.createEvent(event, { idempotencyKey: 'k-1' }),
    ]
    expect(made[0]?.id).toBe(made[1]?.id)
  })

  it('lists occurrences, and reads one', async () => {
    const { id } = await client.createEvent({
      name: 'once',
      start_time: inAnHour(),
      webhook: 'http://hooks.example.com',
    })
    const [occurrence] = await client.listOccurrences(id, { status: ['pending'], limit: 10 })
    expect(await client.getOccurrence(occurrence?.id ?? '')).toMatchObject({ event_id: id, status: 'pending' })
  })

  it('tells what was wrong: status, code and field', async () => {
    const error = await failureOf(
      client.createEvent({ name: 'x', schedule: { frequency: 'never' }, start_time: inAnHour() }),
    )
    expect(error).toMatchObject({ name: 'QhronosError', status: 400, message: expect.any(String) })
    const stranger = new QhronosClient({ baseUrl })
    expect(await failureOf(stranger.listEvents())).toMatchObject({ status: 401, code: 'unauthenticated' })
    expect(await stranger.getStatus()).toMatchObject({ version: expect.any(String) })
  })

  it('calls with the token that it has, until it has none', async () => {
    const other = new QhronosClient({ baseUrl })
    other.setAuthToken('nonsense')
    expect((await failureOf(other.listEvents())).code).toBe('token_invalid')
    other.logout()
    expect((await failureOf(other.listEvents())).code).toBe('unauthenticated')
  })
})

describe('a listener', () => {
  it('that is refused learns why, and does not try again', async () => {
    const stranger = new QhronosClient({ baseUrl })
    const told = vi.fn<(error: unknown) => void>()
    await using listening = stranger.listen({ type: 'tag-listener', tags: ['a'] }, () => undefined, { onError: told })
    await expect(listening.ready).rejects.toMatchObject({ message: 'authentication required' })
    expect(told).toHaveBeenCalledTimes(1)
  })
})
