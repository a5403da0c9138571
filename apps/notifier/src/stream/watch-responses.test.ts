import { toBinary } from '@bufbuild/protobuf'
import { WatchResponseSchema, type WatchResponse } from '@qcore/contracts'
import { timestampFromMicros } from '@qcore/model'
import { allGrants } from '@qcore/model'
import { expect, it } from 'vitest'
import { commitTimeUs, fieldChanged, record, stringValue, writesOf } from '../../test/_records.ts'
import { OutgoingNotification } from '../notify/outgoing-notification.ts'
import { RevisionNotice } from './revision-notice.ts'
import { mostResponseBytes, noticeResponses } from './watch-responses.ts'

function notice(revision: number, lengths: readonly number[]): RevisionNotice {
  const changes = lengths.map((length, n) =>
    fieldChanged(`e${n}`, 'Level', stringValue('x'.repeat(length)), stringValue('')),
  )
  const resolver = {
    resolve: () => Promise.reject(new Error('not asked')),
    present: undefined,
    typeThen: () => undefined,
  }
  const notifications = writesOf(record(revision, ...changes)).map(
    (write) => new OutgoingNotification(write, [0], { key: '', paths: [], grants: allGrants }, resolver),
  )
  return new RevisionNotice({ revision, commitTime: timestampFromMicros(commitTimeUs) }, notifications)
}

function parts(responses: readonly WatchResponse[]): { entities: string[]; more: boolean; revision: bigint }[] {
  return responses.map(({ event }) => {
    if (event.case !== 'notifications') throw new Error(`a response with ${event.case}`)
    const entities = event.value.notifications.map(({ current }) => current?.entityId ?? '')
    return { entities, more: event.value.more, revision: event.value.revision }
  })
}

it('is one response for what fits', () => {
  expect(parts(noticeResponses(notice(9, [10, 10])))).toEqual([{ entities: ['e0', 'e1'], more: false, revision: 9n }])
})

it('is split where the next notification would make a response too large, with `more` on all but the last', () => {
  const responses = noticeResponses(notice(9, [300_000, 300_000, 300_000, 800_000, 10]))
  expect(parts(responses)).toEqual([
    { entities: ['e0', 'e1'], more: true, revision: 9n },
    { entities: ['e2'], more: true, revision: 9n },
    { entities: ['e3'], more: true, revision: 9n },
    { entities: ['e4'], more: false, revision: 9n },
  ])
  for (const response of [responses[0], responses[1], responses[3]]) {
    if (response === undefined) throw new Error('a part is missing')
    expect(toBinary(WatchResponseSchema, response).length).toBeLessThan(mostResponseBytes)
  }
})

it('is one object for all streams that get one and the same notification', () => {
  const first = notice(9, [10])
  const second = new RevisionNotice(first, first.notifications)
  expect(noticeResponses(first)[0]).toBe(noticeResponses(second)[0])
})
