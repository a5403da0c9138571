import { createHmac, randomBytes } from 'node:crypto'
import { SecretBox } from '@qcore/access'
import { AccessLevel, OccurrenceState, ScheduleService } from '@qcore/contracts'
import { createClient } from '@connectrpc/connect'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Receiver } from './_receiver.ts'
import { patience, startStore, type PutInit, type TestStore } from './_store.ts'

const allowed = { Q_EGRESS_ALLOW: '127.0.0.1' }
const day = { seconds: 86_400n }

let store: TestStore
let receiver: Receiver

beforeAll(async () => {
  store = await startStore()
  receiver = await Receiver.start()
})

afterAll(async () => {
  await receiver[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

function webhook(secret?: string): NonNullable<PutInit['action']> {
  return { kind: { case: 'webhook', value: { url: receiver.url, ...(secret === undefined ? {} : { secret }) } } }
}

/** Runs a schedule, and gives the headers and the body of its request. */
async function send(id: string): Promise<{ headers: Record<string, unknown>; body: string }> {
  const { occurrence } = await store.schedules.runSchedule({ schedule: { id } })
  await vi.waitFor(async () => {
    const found = (await store.list(id)).find((each) => each.id === occurrence?.id)
    expect(found?.state).toBe(OccurrenceState.COMPLETED)
  }, patience)
  const sent = receiver.requests.find(({ headers }) => headers['webhook-id'] === occurrence?.id)
  return { headers: sent?.headers ?? {}, body: sent?.body ?? '' }
}

function standardSignatures({ headers, body }: Awaited<ReturnType<typeof send>>, secrets: readonly string[]): string {
  const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
  return secrets.map((each) => `v1,${createHmac('sha256', each).update(content).digest('base64')}`).join(' ')
}

const yearly = '0 0 1 1 *'

describe('the secret of a schedule', () => {
  it('is rotated: requests are signed with both until the overlap ends', async () => {
    await using _scheduler = await store.startScheduler(allowed)
    const id = await store.put({ rule: yearly, action: webhook('first') })
    const before = await store.read(id)
    const { revision, overlapEndTime } = await store.schedules.rotateSecret({ schedule: { id }, secret: 'second' })
    expect(Number(overlapEndTime?.seconds) - Date.now() / 1_000).toBeGreaterThan(86_000)
    const after = await store.read(id)
    expect(after).toMatchObject({ revision, rule: before.rule, nextTime: before.nextTime })
    const both = await send(id)
    expect(both.headers['webhook-signature']).toBe(standardSignatures(both, ['second', 'first']))
    expect(both.headers['x-qhronos-signature']).toBe(createHmac('sha256', 'second').update(both.body).digest('hex'))
    expect(both.headers['x-qhronos-signature-former']).toBe(
      createHmac('sha256', 'first').update(both.body).digest('hex'),
    )
    await store.pool.query('update schedule_secret set until_us = 0 where schedule_id = $1', [id])
    const one = await send(id)
    expect(one.headers['webhook-signature']).toBe(standardSignatures(one, ['second']))
  })

  it('that is rotated without an overlap leaves nothing of those before', async () => {
    await using _scheduler = await store.startScheduler(allowed)
    const id = await store.put({ rule: yearly, action: webhook('first') })
    await store.schedules.rotateSecret({ schedule: { id }, secret: 'second', overlap: day })
    await store.schedules.rotateSecret({ schedule: { id }, secret: 'third', overlap: {} })
    const sent = await send(id)
    expect(sent.headers['webhook-signature']).toBe(standardSignatures(sent, ['third']))
    const { rows } = await store.pool.query('select from schedule_secret where schedule_id = $1', [id])
    expect(rows).toEqual([])
  })

  it('may be rotated several times, and the same one again; the newest three of before are kept', async () => {
    await using _scheduler = await store.startScheduler(allowed)
    const id = await store.put({ rule: yearly, action: webhook('s1') })
    for (const secret of ['s2', 's3', 's4', 's5', 's5']) {
      await store.schedules.rotateSecret({ schedule: { id }, secret, overlap: day })
    }
    const sent = await send(id)
    expect(sent.headers['webhook-signature']).toBe(standardSignatures(sent, ['s5', 's4', 's3', 's2']))
  })

  it.each([['its own', 'first'] as const, ['that of the deployment', undefined] as const])(
    'is kept once by a rotation that has to be repeated: %s',
    async (_, own) => {
      const deployment = 'of-the-deployment-0123456789'
      await using _scheduler = await store.startScheduler({ ...allowed, Q_WEBHOOK_SECRET: deployment })
      const id = await store.put({ rule: yearly, action: webhook(own) })
      const rotate = () => store.schedules.rotateSecret({ schedule: { id }, secret: 'second', overlap: day })
      await store.withoutWriter(async () => {
        for (let times = 0; times < 4; times++) await expect(rotate()).rejects.toThrow()
      })
      // A new writer leads in a moment. Whoever has lost an answer asks again.
      await vi.waitFor(rotate, patience)
      const { overlapEndTime } = await rotate()
      expect(Number(overlapEndTime?.seconds) - Date.now() / 1_000).toBeGreaterThan(86_000)
      const { rows } = await store.pool.query('select from schedule_secret where schedule_id = $1', [id])
      expect(rows).toHaveLength(1)
      const sent = await send(id)
      expect(sent.headers['webhook-signature']).toBe(standardSignatures(sent, ['second', own ?? deployment]))
    },
  )

  it('takes the place of the one of the deployment', async () => {
    const deployment = 'of-the-deployment-0123456789'
    await using _scheduler = await store.startScheduler({ ...allowed, Q_WEBHOOK_SECRET: deployment })
    const id = await store.put({ rule: yearly, action: webhook() })
    await store.schedules.rotateSecret({ schedule: { id }, secret: 'own' })
    const sent = await send(id)
    expect(sent.headers['webhook-signature']).toBe(standardSignatures(sent, ['own', deployment]))
  })

  it('is one of webhooks, of a schedule that is there, for an overlap of 0 to 30 days, and is not read', async () => {
    await using _scheduler = await store.startScheduler(allowed)
    const emitting = await store.put({ rule: yearly })
    const { rotateSecret } = store.schedules
    await expect(rotateSecret({ schedule: { id: emitting }, secret: 'x' })).rejects.toThrow(/sends no webhooks/)
    const nobody = '00000000-0000-0000-0000-000000000000'
    await expect(rotateSecret({ schedule: { id: nobody }, secret: 'x' })).rejects.toThrow(/no such schedule/)
    const id = await store.put({ rule: yearly, action: webhook('geheim-1') })
    const long = { seconds: 31n * 86_400n }
    await expect(rotateSecret({ schedule: { id }, secret: 'x', overlap: long })).rejects.toThrow(/0 to 30 days/)
    const transport = await store.transportOf(AccessLevel.READ)
    const reader = createClient(ScheduleService, transport)
    await expect(reader.rotateSecret({ schedule: { id }, secret: 'x' })).rejects.toThrow(/level/)
    await store.schedules.rotateSecret({ schedule: { id }, secret: 'geheim-2' })
    expect(
      JSON.stringify(await store.read(id), (_, value: unknown) => (typeof value === 'bigint' ? 0 : value)),
    ).not.toMatch(/geheim/)
  })
})

it('secrets that were encrypted under an earlier secret of the deployment are used, and encrypted anew', async () => {
  const formerDeployment = randomBytes(24).toString('hex')
  const id = await store.put({ rule: yearly, action: webhook('mine') })
  const former = new SecretBox(formerDeployment)
  await store.pool.query('update schedule set secret = $2 where id = $1', [id, former.seal(id, 'mine')])
  const insert = 'insert into schedule_secret values ($1, $2, 9000000000000000)'
  await store.pool.query(insert, [id, former.seal(id, 'before')])
  await using _scheduler = await store.startScheduler({
    ...allowed,
    Q_AUTH_SECRETS_BEFORE: `${randomBytes(24).toString('hex')} ${formerDeployment}`,
  })
  const present = new SecretBox(store.env['Q_AUTH_SECRET'] ?? '')
  await vi.waitFor(async () => {
    const text = `select secret as sealed from schedule where id = $1
      union all select sealed from schedule_secret where schedule_id = $1`
    const { rows } = await store.pool.query<{ sealed: Buffer }>(text, [id])
    expect(rows.map(({ sealed }) => present.open(id, sealed))).toEqual(['mine', 'before'])
  }, patience)
  const sent = await send(id)
  expect(sent.headers['webhook-signature']).toBe(standardSignatures(sent, ['mine', 'before']))
})

it('secrets that were rotated out are deleted when their time is over', async () => {
  const id = await store.put({ rule: yearly, action: webhook('mine') })
  const insert = `insert into schedule_secret values ($1, '\\x00', 1), ($1, '\\x01', 9000000000000000)`
  await store.pool.query(insert, [id])
  await using _scheduler = await store.startScheduler(allowed)
  await vi.waitFor(async () => {
    const text = 'select until_us from schedule_secret where schedule_id = $1'
    const { rows } = await store.pool.query<{ until_us: number }>(text, [id])
    expect(rows).toEqual([{ until_us: 9_000_000_000_000_000 }])
  }, patience)
})
