import { expect, it } from 'vitest'
import { commonHeadersFromEvent, eventFromHeaders, ownHeadersFromEvent } from './cloud-event.ts'
import type { EventFacts } from './event-facts.ts'

const bare: EventFacts = {
  revision: 7,
  index: 2,
  emittedUs: 1_795_262_978_618_062,
  namespace: 'demo',
  type: 'order.placed',
  payload: '{"a": 1.0}',
  producer: '',
  correlationId: '',
  orderKey: '',
  attributes: '',
  writer: 'ada',
  expiresUs: null,
  idRevision: null,
  idIndex: null,
  acceptedUs: null,
  dueUs: null,
}
const full: EventFacts = {
  ...bare,
  producer: 'api"1"',
  correlationId: '50%',
  orderKey: 'o',
  attributes: '{"note":"","subject":"Ü 7","traceparent":"00-1"}',
  writer: 'Zoë',
  expiresUs: 1_795_262_978_618_063,
  idRevision: 5,
  idIndex: 0,
  acceptedUs: 1_795_262_000_000_000,
  dueUs: 1_795_262_978_000_001,
}

function headersOf(event: EventFacts): Map<string, string> {
  return new Map([...ownHeadersFromEvent(event), ...commonHeadersFromEvent('main', event)])
}

it.each([
  ['with nothing but what it must have', bare],
  ['with all that an event may have', full],
])('an event %s is read back from the headers of its message', (_, event) => {
  const headers = headersOf(event)
  const read = eventFromHeaders((name) => headers.get(name) ?? '', event.payload)
  expect(read).toEqual(event)
})

it.each(['Q-Position', 'ce-id', 'ce-time'])('a message without %s is no event', (name) => {
  const headers = headersOf(full)
  headers.delete(name)
  expect(eventFromHeaders((header) => headers.get(header) ?? '', '{}')).toBeUndefined()
})
