import { headers } from '@nats-io/transport-node'
import { expect, it } from 'vitest'
import { HeaderReader, type LaidOutMessage } from './read-headers.ts'

const body = 'payload'
const facts = { subject: 'a.b', reply: 'r' }

/** A message as the client has it: the headers before the body, in one buffer. */
function laidOut(block: string, text = body): LaidOutMessage {
  const bytes = Buffer.from(`before${block}${text}`)
  const data = bytes.subarray(bytes.length - Buffer.byteLength(text))
  const size = (): number => facts.subject.length + facts.reply.length + Buffer.byteLength(block) + data.length
  return { ...facts, data, size }
}

function valuesOf(message: LaidOutMessage, names: readonly string[], reader = new HeaderReader()): string[] {
  const header = reader.read(message)
  return names.map((name) => header(name))
}

it('are read where they lie, with their names as they are', () => {
  const message = laidOut('NATS/1.0\r\nce-id: 7.0\r\nQ-Position:8.1\r\nce-empty: \r\nce-url: a:b\r\n\r\n')
  const names = ['ce-id', 'Q-Position', 'ce-empty', 'ce-url', 'q-position', 'missing']
  expect(valuesOf(message, names)).toEqual(['7.0', '8.1', '', 'a:b', '', ''])
})

it('may be those of the message before, in part', () => {
  const common = (type: string): string => `content-type: application/json\r\nce-type: ${type}\r\n\r\n`
  const reader = new HeaderReader()
  const read = ['1 a', '2 a', '3 b', '4 a'].map((both) => {
    const [id = '', type = ''] = both.split(' ')
    return valuesOf(laidOut(`NATS/1.0\r\nce-id: ${id}\r\n${common(type)}`), ['ce-id', 'ce-type'], reader).join(' ')
  })
  expect(read).toEqual(['1 a', '2 a', '3 b', '4 a'])
  expect(valuesOf(laidOut(`NATS/1.0\r\n${common('c')}`), ['ce-id', 'ce-type'], reader)).toEqual(['', 'c'])
})

it('are read in the way of the client where they lie in no way that is known', () => {
  const given = headers()
  given.append('ce-id', '7.0')
  for (const message of [
    { ...facts, data: Buffer.from(body), headers: given },
    { ...laidOut('something else, as long as it wants to be'), headers: given },
    { ...facts, data: Buffer.from(body), headers: given, size: () => 100_000 },
  ]) {
    expect(valuesOf(message, ['ce-id', 'ce-type'])).toEqual(['7.0', ''])
  }
})

it('may be missing', () => {
  expect(valuesOf(laidOut(''), ['ce-id'])).toEqual([''])
  expect(valuesOf({ ...facts, data: Buffer.from(body) }, ['ce-id'])).toEqual([''])
})
