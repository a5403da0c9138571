import { create } from '@bufbuild/protobuf'
import { ContextFieldSchema, Trigger, type ContextField, type Subscription } from '@qcore/contracts'
import { allGrants, type FieldPath } from '@qcore/model'
import type { LogRecord } from '@qcore/replica'
import { describe, expect, it } from 'vitest'
import {
  commitTimeUs,
  entityCreated,
  entityDeleted,
  fieldChanged,
  record,
  stringValue,
  subscription,
} from '../../test/_records.ts'
import { MatchIndex } from '../match/match-index.ts'
import { groupSubscriptions } from '../match/subscription-group.ts'
import { watchedChanges } from '../match/watched-changes.ts'
import type { ContextResolver } from './context-resolver.ts'
import { notifyChanges } from './notify-changes.ts'
import { mostNotificationBytes, type OutgoingNotification } from './outgoing-notification.ts'

/** Answers every path with the path itself, or with what the test says. */
class EchoResolver implements ContextResolver {
  asked: string[] = []
  answer = (entityId: string, path: FieldPath): ContextField | Promise<ContextField> =>
    contextField(entityId, path.field, path.steps.join('/'))

  resolve(entityId: string, path: FieldPath): ContextField | Promise<ContextField> {
    this.asked.push(`${entityId} ${[...path.steps, path.field].join('->')}`)
    return this.answer(entityId, path)
  }

  readonly present = undefined

  typeThen(): undefined {
    return undefined
  }
}

function contextField(entityId: string, name: string, text: string): ContextField {
  return create(ContextFieldSchema, { outcome: { case: 'field', value: { entityId, name, value: stringValue(text) } } })
}

function notify(
  commit: LogRecord,
  streams: Record<string, Subscription[]>,
  resolver = new EchoResolver(),
): Map<string, OutgoingNotification[]> {
  const index = new MatchIndex<string>()
  for (const [name, subscriptions] of Object.entries(streams))
    index.add(groupSubscriptions(subscriptions, name, allGrants))
  return notifyChanges(watchedChanges(commit, index), index, resolver)
}

const change = fieldChanged('e1', 'Level', stringValue('high'), stringValue('low'))
const time = { seconds: BigInt(commitTimeUs / 1_000_000), nanos: 0 }

describe('the notifications of a commit', () => {
  it('tell the field as it is and as it was', () => {
    const [only] = notify(record(7, change), { a: [subscription({ entityId: 'e1' }, ['Level'])] }).get('a') ?? []
    expect(only?.message).toMatchObject({
      subscriptions: [0],
      current: {
        entityId: 'e1',
        name: 'Level',
        value: stringValue('high'),
        writer: 'tester',
        revision: 7n,
        writeTime: time,
      },
      previous: { entityId: 'e1', name: 'Level', value: stringValue('low'), writer: 'old', revision: 1n },
      context: [],
    })
    expect(only?.ready).toBeUndefined()
  })

  it('come for every watched field of a created entity, without a previous one', () => {
    const created = entityCreated('e9', { Level: stringValue('low'), Name: stringValue('n'), Other: stringValue('') })
    const notified = notify(record(7, created), {
      a: [subscription({ entityType: 'Tank' }, ['Name', 'Level'])],
      b: [subscription({ entityType: 'Tank' }, ['Level'], { trigger: Trigger.WRITE })],
    })
    const ofA = notified.get('a')?.map(({ message }) => message) ?? []
    expect(ofA.map(({ current }) => current?.name)).toEqual(['Level', 'Name'])
    expect(ofA.map(({ previous }) => previous)).toEqual([undefined, undefined])
    expect(ofA[0]?.current).toMatchObject({ writer: 'tester', revision: 7n, writeTime: time })
    expect(notified.get('b')).toHaveLength(1)
  })

  it('do not come for a deleted entity', () => {
    const deleted = entityDeleted('e1', { Level: stringValue('low') })
    expect(notify(record(7, deleted), { a: [subscription({ entityId: 'e1' }, ['Level'])] }).size).toBe(0)
  })

  it('stand in the order of the changes', () => {
    const commit = record(7, fieldChanged('e2', 'Level', stringValue('b'), stringValue('a')), change)
    const notified = notify(commit, { a: [subscription({ entityType: 'Tank' }, ['Level'])] })
    expect(notified.get('a')?.map(({ message }) => message.current?.entityId)).toEqual(['e2', 'e1'])
  })

  it('are the same object for streams that get the same', () => {
    const paths = { context: ['Parent->Name'] }
    const notified = notify(record(7, change), {
      a: [subscription({ entityId: 'e1' }, ['Level'], paths)],
      b: [subscription({ entityType: 'Tank' }, ['Level'], paths)],
      c: [subscription({ entityId: 'e1' }, ['Level'])],
      d: [subscription({ entityId: 'e2' }, ['Level']), subscription({ entityId: 'e1' }, ['Level'])],
    })
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => notified.get(name)?.[0])
    expect(a).toBe(b)
    expect(c).not.toBe(a)
    expect(d?.message.subscriptions).toEqual([1])
    expect(c?.message.subscriptions).toEqual([0])
  })

  it('carry a context field for each path, in order, read from the changed entity', () => {
    const resolver = new EchoResolver()
    const paths = ['Owner->Site->Name', 'Level']
    const notified = notify(
      record(7, change),
      { a: [subscription({ entityId: 'e1' }, ['Level'], { context: paths })] },
      resolver,
    )
    expect(resolver.asked).toEqual(['e1 Owner->Site->Name', 'e1 Level'])
    expect(notified.get('a')?.[0]?.message.context).toEqual([
      contextField('e1', 'Name', 'Owner/Site'),
      contextField('e1', 'Level', ''),
    ])
  })

  it('wait for context that is not at hand, and keep the positions', async () => {
    const resolver = new EchoResolver()
    const late = Promise.withResolvers<ContextField>()
    resolver.answer = (entityId, { field }) => (field === 'B' ? late.promise : contextField(entityId, field, ''))
    const watching = [subscription({ entityId: 'e1' }, ['Level'], { context: ['A', 'B', 'C'] })]
    const [only] = notify(record(7, change), { a: watching }, resolver).get('a') ?? []
    expect(only?.message.context).toEqual([])
    const bytesBefore = only?.bytes ?? 0
    late.resolve(contextField('e1', 'B', 'x'.repeat(1_000)))
    await only?.ready
    expect(only?.message.context.map(({ outcome }) => outcome.case === 'field' && outcome.value.name)).toEqual([
      'A',
      'B',
      'C',
    ])
    expect(only?.bytes).toBeGreaterThan(bytesBefore + 1_000)
  })

  it('say so in the place of a context field that makes them too large for a message', () => {
    const resolver = new EchoResolver()
    const large = 'x'.repeat(mostNotificationBytes / 2)
    resolver.answer = (entityId, { field }) => contextField(entityId, field, field === 'Small' ? '' : large)
    const watching = [subscription({ entityId: 'e1' }, ['Level'], { context: ['First', 'Second', 'Small'] })]
    const [only] = notify(record(7, change), { a: watching }, resolver).get('a') ?? []
    expect(only?.message.context.map(({ outcome }) => outcome.case)).toEqual(['field', 'problem', 'field'])
    expect(only?.message.context[1]?.outcome.value).toMatchObject({ code: 'payload_too_large' })
    expect(only?.bytes).toBeLessThanOrEqual(mostNotificationBytes)
  })
})
