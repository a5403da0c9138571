import { headers } from '@nats-io/transport-node'
import { expect, it } from 'vitest'
import { readHeaders, type LaidOutMessage } from './read-headers.ts'

const body = 'payload'
const facts = { subject: 'a.b', reply: 'r' }

/** A message as the client has it: the headers before the body, in one buffer. */
function laidOut(block: string, text = body): LaidOutMessage {
  const bytes = Buffer.from(`before${block}${text}`)
  const data = bytes.subarray(bytes.length - Buffer.byteLength(text))
  const size = (): number => facts.subject.length + facts.reply.length + Buffer.byteLength(block) + data.length
  return { ...facts, data, size }
}

it('are read where they lie, with their names as they are', () => {
  const read = readHeaders(laidOut('NATS/1.0\r\nce-id: 7.0\r\nQ-Position:8.1\r\nce-empty: \r\nce-url: a:b\r\n\r\n'))
  expect([...read]).toEqual([
    ['ce-id', '7.0'],
    ['Q-Position', '8.1'],
    ['ce-empty', ''],
    ['ce-url', 'a:b'],
  ])
})

it('are read in the way of the client where they lie in no way that is known', () => {
  const given = headers()
  given.append('ce-id', '7.0')
  for (const message of [
    { ...facts, data: Buffer.from(body), headers: given },
    { ...laidOut('something else, as long as it wants to be'), headers: given },
    { ...facts, data: Buffer.from(body), headers: given, size: () => 100_000 },
  ]) {
    expect([...readHeaders(message)]).toEqual([['ce-id', '7.0']])
  }
})

it('may be missing', () => {
  expect(readHeaders(laidOut('')).size).toBe(0)
  expect(readHeaders({ ...facts, data: Buffer.from(body) }).size).toBe(0)
})
