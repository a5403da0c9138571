import { QError, type QueryNotification } from '@qcore/client'
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
