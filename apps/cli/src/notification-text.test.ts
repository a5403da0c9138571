import { QError, Timestamp, type Field, type Notification, type QueryNotification } from '@qcore/client'
import { expect, it } from 'vitest'
import { jsonOfNotification, textOfNotification } from './notification-text.ts'

it('a column that does not fit a notification is shown as its problem', () => {
  const entity = { id: 'lamp', type: 'Device', name: 'Lamp', parentId: 'root', createdRevision: 1, fields: {} }
  const problems = { Picture: new QError('payload_too_large', 'too large') }
  const notification: QueryNotification = {
    revision: 5,
    kind: 'enter',
    entityId: 'lamp',
    entity: { ...entity, problems },
    position: 0,
    previousPosition: undefined,
    initial: true,
    time: undefined,
  }
  expect(textOfNotification(notification, [])).toBe('result  + 0  lamp  Lamp  Picture=<payload_too_large>')
  const shown = { ...entity, fields: { Picture: { problem: { code: 'payload_too_large', message: 'too large' } } } }
  expect(jsonOfNotification(notification, [])).toMatchObject({ entity: shown })
})

it('changes that were folded are shown as one, with how many they are', () => {
  const time = Timestamp.parse('2026-01-02T03:04:05Z')
  const field = (value: bigint): Field => ({
    entityId: 'lamp',
    name: 'Level',
    type: 'Int',
    value,
    writer: 'ann',
    writeTime: time,
    revision: 7,
  })
  const folded = { firstRevision: 3, changes: 5 }
  const common = { entityId: 'lamp', name: 'Level', revision: 7, time, context: [] }
  const notification: Notification = { ...common, previous: field(1n), current: field(6n), folded }
  expect(textOfNotification(notification, [])).toBe(`${time.toString()}  lamp  Level  1 → 6  (5 changes)`)
  expect(jsonOfNotification(notification, [])).toMatchObject({ folded })
})
