import { headers } from '@nats-io/transport-node'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseHeaderBlock, readHeaderBlock, type LaidOutMessage } from './header-block.ts'

const block = 'NATS/1.0\r\nContent-Type: application/proto\r\nX-Many:one\r\nX-Many:  two: three \r\nX-Empty:\r\n\r\n'

/** A message laid out as the NATS client does: subject and reply apart, headers and body in one buffer. */
function message(text: string, body: string): { message: LaidOutMessage; body: Uint8Array } {
  const buffer = Buffer.from(`before${text}${body}after`)
  const start = 6 + Buffer.byteLength(text)
  const data = buffer.subarray(start, start + Buffer.byteLength(body))
  const size = (): number => 'subject'.length + 'reply'.length + Buffer.byteLength(text) + data.length
  return { message: { subject: 'subject', reply: 'reply', size }, body: data }
}

it('reads the block before the body', () => {
  for (const body of ['', 'body']) {
    const received = message(block, body)
    expect(readHeaderBlock(received.message, received.body)).toBe(block)
  }
})

it('reads nothing where there are no headers', () => {
  const received = message('', 'body')
  expect(readHeaderBlock(received.message, received.body)).toBe('')
})

it('gives up on a message that is laid out in another way', () => {
  const received = message('not a header block', 'body')
  expect(readHeaderBlock(received.message, received.body)).toBeUndefined()
  expect(readHeaderBlock({ ...received.message, size: () => 10_000 }, received.body)).toBeUndefined()
  expect(readHeaderBlock({ subject: 'subject' }, received.body)).toBeUndefined()
})

it('parses names in lower case, values without surrounding space, and each of several values', () => {
  expect(parseHeaderBlock(block)).toEqual([
    ['content-type', 'application/proto'],
    ['x-many', 'one'],
    ['x-many', 'two: three'],
    ['x-empty', ''],
  ])
  expect(parseHeaderBlock('NATS/1.0 503\r\n\r\n')).toEqual([])
})

it('parses what the NATS client parses', () => {
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/)
  const value = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !/[\r\n]/.test(text))
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 5 }), (pairs) => {
      const sent = headers()
      for (const [key, text] of pairs) sent.append(key, text)
      const text = (sent as unknown as { encode(): Uint8Array }).encode()
      const expected = [...sent].flatMap(([key, values]) => values.map((one) => [key.toLowerCase(), one.trim()]))
      expect(parseHeaderBlock(new TextDecoder().decode(text))).toEqual(expected)
    }),
  )
})
