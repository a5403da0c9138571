import { randomUUID } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { MutationSchema, PutMode, PutScheduleSchema } from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mutationOf, put, startScheduleWriter, type KeyInit, type PutInit, type ScheduleWriter } from './_schedules.ts'
import { expectProblem } from './_writer-client.ts'

let writer: ScheduleWriter

beforeAll(async () => {
  writer = await startScheduleWriter()
})

afterAll(() => writer[Symbol.asyncDispose]())

describe('what is wrong', () => {
  const webhook = (url: string): PutInit['action'] => ({ kind: { case: 'webhook', value: { url } } })
  const apiCall = (value: object): PutInit['action'] => ({
    kind: { case: 'apiCall', value: { method: 'POST', url: 'https://example.com', ...value } },
  })
  const field = 'mutations[0].put_schedule'

  it.each<[string, Partial<PutInit>, string, string]>([
    ['a rule that is none', { rule: 'every day' }, 'invalid_schedule', `${field}.rule.cron`],
    ['a minute that does not exist', { rule: '99 * * * *' }, 'invalid_schedule', `${field}.rule.cron.minute`],
    ['a member that is not known', { rule: '{"cron":"0 0 * * *","foo":1}' }, 'invalid_schedule', `${field}.rule.foo`],
    ['an object that is cut', { rule: '{"cron":"0 0' }, 'invalid_schedule', `${field}.rule`],
    ['a rule that never fires', { rule: '0 0 30 2 *' }, 'schedule_never_fires', `${field}.rule.cron`],
    ['a zone that is none', { timezone: 'Mars/Olympus' }, 'invalid_schedule', `${field}.rule.timezone`],
    ['no rule', { rule: '' }, 'invalid_request', `${field}.rule`],
    [
      'a start beside another one of the text',
      { rule: 'DTSTART:20300101T090000Z\nRRULE:FREQ=DAILY', startTime: timestampFromMs(Date.UTC(2030, 0, 1, 10)) },
      'invalid_schedule',
      `${field}.start_time`,
    ],
    [
      'a start beside another one of the object',
      { rule: '{"cron": "0 9 * * *", "start": "2030-01-01"}', startTime: timestampFromMs(Date.UTC(2030, 0, 1, 9)) },
      'invalid_schedule',
      `${field}.start_time`,
    ],
    [
      'a start after the one time',
      { rule: '2030-01-01T09:00:00Z', startTime: timestampFromMs(Date.UTC(2030, 0, 1, 10)) },
      'invalid_schedule',
      `${field}.start_time`,
    ],
    [
      'occurrences that are centuries apart',
      { rule: 'FREQ=SECONDLY;INTERVAL=999983;BYHOUR=0;BYMINUTE=0;BYSECOND=0' },
      'invalid_schedule',
      `${field}.rule`,
    ],
    ['no namespace', { namespace: '' }, 'invalid_request', `${field}.namespace`],
    ['an upper-case namespace', { namespace: 'Demo' }, 'invalid_request', `${field}.namespace`],
    ['a name with a line break', { name: 'a\nb' }, 'invalid_request', `${field}.name`],
    ['an id that is no UUID', { id: 'x' }, 'invalid_request', `${field}.id`],
    ['metadata that is no JSON', { metadata: '{' }, 'invalid_request', `${field}.metadata`],
    ['a title with a NUL', { title: 'a\0' }, 'invalid_request', `${field}.title`],
    ['a grace of a month', { grace: { seconds: 2_678_400n } }, 'invalid_request', `${field}.grace`],
    ['a negative backoff', { retry: { backoff: { seconds: -1n } } }, 'invalid_request', `${field}.retry.backoff`],
    ['101 attempts', { retry: { maxAttempts: 101 } }, 'invalid_request', `${field}.retry.max_attempts`],
    ['no such schedule', { name: 'nobody', mode: PutMode.UPDATE }, 'unknown_schedule', `${field}.name`],
    ['an unknown id to update', { id: randomUUID(), mode: PutMode.UPDATE }, 'unknown_schedule', `${field}.id`],
    [
      'a URL of another kind',
      { action: webhook('ftp://example.com') },
      'invalid_request',
      `${field}.action.webhook.url`,
    ],
    ['a URL without a host', { action: webhook('http://:80') }, 'invalid_request', `${field}.action.webhook.url`],
    ['a URL with a password', { action: webhook('http://a:b@c.de') }, 'invalid_request', `${field}.action.webhook.url`],
    [
      'a header of the connection',
      { action: apiCall({ headers: [{ name: 'Host', value: 'x' }] }) },
      'invalid_request',
      `${field}.action.api_call.headers[0].name`,
    ],
    [
      'a method of a tunnel',
      { action: apiCall({ method: 'CONNECT' }) },
      'invalid_request',
      `${field}.action.api_call.method`,
    ],
    [
      'a namespace of events that is not registered',
      { action: { kind: { case: 'emitEvent', value: { namespace: 'nowhere', type: 'a' } } } },
      'unknown_namespace',
      `${field}.action.emit_event.namespace`,
    ],
    [
      'an event that is due at the same time for every occurrence',
      {
        action: {
          kind: {
            case: 'emitEvent',
            value: { namespace: 'demo', type: 'a', delivery: { case: 'deliverTime', value: { seconds: 1n } } },
          },
        },
      },
      'invalid_request',
      `${field}.action.emit_event.deliver_time`,
    ],
    [
      'an event that ends at the same time for every occurrence',
      {
        action: {
          kind: {
            case: 'emitEvent',
            value: { namespace: 'demo', type: 'a', expiry: { case: 'expireTime', value: { seconds: 1n } } },
          },
        },
      },
      'invalid_request',
      `${field}.action.emit_event.expire_time`,
    ],
    [
      'an event whose payload is no JSON',
      { action: { kind: { case: 'emitEvent', value: { namespace: 'demo', type: 'a', payload: '{' } } } },
      'invalid_request',
      `${field}.action.emit_event.payload`,
    ],
  ])('is named: %s', async (_, schedule, code, path) => {
    await expectProblem(writer.commit(put(schedule)), code, path)
  })

  it('is an action that is missing', async () => {
    const value = create(PutScheduleSchema, { namespace: 'demo', rule: '0 0 * * *' })
    const mutation = create(MutationSchema, { kind: { case: 'putSchedule', value } })
    await expectProblem(writer.commit(mutation), 'invalid_request', `${field}.action`)
  })

  it.each<[string, KeyInit]>([
    ['nothing', {}],
    ['a name without its namespace', { name: 'a' }],
    ['an id and a name', { id: randomUUID(), namespace: 'demo', name: 'a' }],
  ])('is a key of %s', async (_, key) => {
    await expectProblem(
      writer.commit(mutationOf('pauseSchedule', key)),
      'invalid_request',
      'mutations[0].pause_schedule.schedule',
    )
  })

  it('is a revision that the schedule does not have any more', async () => {
    const name = 'checked'
    const { revision } = await writer.commit(put({ name }))
    await writer.commit(put({ name, title: 'second' }))
    await expectProblem(
      writer.commit(put({ name, title: 'third', expectedRevision: revision })),
      'condition_failed',
      `${field}.expected_revision`,
    )
    expect(
      (await writer.commit(put({ name, title: 'third', expectedRevision: revision + 1n }))).results[0]?.changed,
    ).toBe(true)
  })

  it('is a name that another schedule has', async () => {
    await writer.putNew({ name: 'taken' })
    await expectProblem(writer.commit(put({ id: randomUUID(), name: 'taken' })), 'schedule_exists', `${field}.name`)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => writer.commit(put({ name: 'raced', mode: PutMode.CREATE }))),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})
