import type { ReadFieldsRequest } from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { connectTo, serviceError } from './_scripted.ts'

/** Answers every read with its entity's id as a String, and notes the requests. */
function echo() {
  const requests: ReadFieldsRequest[] = []
  const readFields = (request: ReadFieldsRequest) => {
    requests.push(request)
    return {
      revision: 7n,
      results: request.reads.map(({ entityId }) => ({
        outcome: {
          case: 'field' as const,
          value: { value: { kind: { case: 'string' as const, value: entityId } }, revision: 3n, writer: 'w' },
        },
      })),
    }
  }
  return { requests, readFields }
}

describe('reads', () => {
  it('of one tick travel in one request, also from continuations of different depth', async () => {
    const { requests, readFields } = echo()
    await using q = await connectTo({ read: { readFields } })
    const deep = async (hops: number): Promise<unknown> => {
      for (let hop = 0; hop < hops; hop += 1) await Promise.resolve()
      return (await q.read(`deep${hops}`, 'Name')).value
    }
    const values = await Promise.all([q.read('a', 'Name'), deep(1), deep(5), deep(20)])
    expect(requests).toHaveLength(1)
    expect(values.slice(1)).toEqual(['deep1', 'deep5', 'deep20'])
    expect(values[0]).toMatchObject({
      entityId: 'a',
      name: 'Name',
      type: 'String',
      value: 'a',
      revision: 3,
      writer: 'w',
    })
  })

  it('are split into requests of at most 1,000 fields, without dividing a readMany', async () => {
    const { requests, readFields } = echo()
    await using q = await connectTo({ read: { readFields } })
    const many = (count: number) => q.readMany(Array.from({ length: count }, () => ({ entity: 'a', path: 'Name' })))
    const answers = await Promise.all([many(600), many(600), many(400)])
    expect(requests.map(({ reads }) => reads.length)).toEqual([600, 1_000])
    expect(answers.map(({ fields }) => fields.length)).toEqual([600, 600, 400])
    await expect(many(1_001)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('are split by size', async () => {
    const { requests, readFields } = echo()
    await using q = await connectTo({ read: { readFields } })
    await Promise.all(Array.from({ length: 1_000 }, () => q.read('a', 'x'.repeat(1_000))))
    expect(requests.length).toBe(3)
  })

  it('with another demand or deadline travel apart', async () => {
    const { requests, readFields } = echo()
    await using q = await connectTo({ read: { readFields } })
    await Promise.all([
      q.read('a', 'Name'),
      q.read('b', 'Name', { consistency: 'latest' }),
      q.read('c', 'Name', { consistency: { atLeast: 12 } }),
      q.read('d', 'Name', { timeoutMs: 50 }),
      q.read('e', 'Name', { consistency: 'latest' }),
    ])
    expect(requests.map(({ reads }) => reads.map(({ entityId }) => entityId).join())).toEqual(['a', 'b,e', 'c', 'd'])
    expect(requests.map(({ consistency }) => consistency?.demand.value)).toEqual([undefined, true, 12n, undefined])
  })

  it('demand what the client was opened with, unless they say so themselves', async () => {
    const { requests, readFields } = echo()
    await using q = await connectTo({ read: { readFields } }, { consistency: 'latest' })
    await q.read('a', 'Name')
    await q.read('a', 'Name', { consistency: 'any' })
    expect(requests.map(({ consistency }) => consistency?.demand.value)).toEqual([true, undefined])
  })

  it('fail one by one: a malformed one does not fail the others of its tick', async () => {
    const { requests, readFields } = echo()
    await using q = await connectTo({
      read: {
        readFields: (request) => {
          const index = request.reads.findIndex(({ entityId }) => entityId === 'b a d')
          if (index >= 0) throw serviceError('invalid_request', 'malformed', `reads[${index}].entity_id`)
          return readFields(request)
        },
      },
    })
    const results = await Promise.allSettled(['a', 'b a d', 'c'].map((id) => q.read(id, 'Name')))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: { code: 'invalid_request', field: 'entity_id' } })
    expect(requests).toHaveLength(1)
  })

  it('whose answer is too large together are asked for in parts', async () => {
    const { requests, readFields } = echo()
    await using q = await connectTo({
      read: {
        readFields: (request) => {
          if (request.reads.length > 2) throw serviceError('payload_too_large')
          return readFields(request)
        },
      },
    })
    const fields = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => q.read(id, 'Name')))
    expect(fields.map(({ value }) => value)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(requests.every(({ reads }) => reads.length <= 2)).toBe(true)
  })

  it('tell the problem of a field', async () => {
    await using q = await connectTo({
      read: {
        readFields: () => ({
          results: [{ outcome: { case: 'problem', value: { code: 'unknown_entity', message: 'no a', field: '' } } }],
        }),
      },
    })
    await expect(q.read('a', 'Name')).rejects.toMatchObject({ code: 'unknown_entity', message: 'no a' })
    await expect(q.readMany([{ entity: 'a', path: 'Name' }])).rejects.toMatchObject({ code: 'unknown_entity' })
  })

  it('end with their signal, and the request with the last of them', async () => {
    const ended = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    await using q = await connectTo({
      read: {
        readFields: async (_, { signal }) => {
          begun.resolve()
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          ended.resolve()
          throw serviceError('canceled')
        },
      },
    })
    const first = new AbortController()
    const second = new AbortController()
    const reads = [q.read('a', 'Name', { signal: first.signal }), q.read('b', 'Name', { signal: second.signal })]
    await begun.promise
    first.abort()
    await expect(reads[0]).rejects.toMatchObject({ code: 'canceled' })
    second.abort()
    await expect(reads[1]).rejects.toMatchObject({ code: 'canceled' })
    await ended.promise
  })

  it('that were given up before they left are not sent', async () => {
    const { requests, readFields } = echo()
    await using q = await connectTo({ read: { readFields } })
    const [given, kept] = await Promise.allSettled([
      q.read('a', 'Name', { signal: AbortSignal.abort() }),
      q.read('b', 'Name'),
    ])
    expect(given).toMatchObject({ reason: { code: 'canceled' } })
    expect(kept.status).toBe('fulfilled')
    expect(requests.flatMap(({ reads }) => reads.map(({ entityId }) => entityId))).toEqual(['b'])
  })

  it('are made again by another reader when one is gone', async () => {
    const { readFields } = echo()
    let attempts = 0
    await using q = await connectTo({
      read: {
        readFields: (request) => {
          attempts += 1
          if (attempts < 3) throw serviceError('no_responders')
          return readFields(request)
        },
      },
    })
    await expect(q.read('a', 'Name')).resolves.toMatchObject({ value: 'a' })
    expect(attempts).toBe(3)
  })

  it('of entities and of existence are batched too', async () => {
    const sizes: number[] = []
    await using q = await connectTo({
      read: {
        getEntities: ({ entityIds }) => {
          sizes.push(entityIds.length)
          const results = entityIds.map((id) => ({ outcome: { case: 'entity' as const, value: { id, type: 'T' } } }))
          return { results }
        },
        checkExists: ({ questions }) => {
          sizes.push(questions.length)
          return { exists: questions.map(({ subject }) => subject.case === 'type') }
        },
      },
    })
    const [a, b] = await Promise.all([q.get('a'), q.get('b')])
    expect([a.id, b.id]).toEqual(['a', 'b'])
    await expect(Promise.all([q.exists('a'), q.exists({ type: 'T' })])).resolves.toEqual([false, true])
    expect(sizes).toEqual([2, 2])
  })

  it('that are pending end with canceled when the client is closed', async () => {
    const begun = Promise.withResolvers<void>()
    const q = await connectTo({
      read: {
        readFields: async (_, { signal }) => {
          begun.resolve()
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          throw serviceError('canceled')
        },
      },
    })
    const read = expect(q.read('a', 'Name')).rejects.toMatchObject({ code: 'canceled' })
    await begun.promise
    await q.close()
    await read
    await expect(q.read('a', 'Name')).rejects.toMatchObject({ code: 'canceled' })
  })

  it('give up the revision of a history that was replaced', async () => {
    const { requests, readFields } = echo()
    await using q = await connectTo({
      read: {
        readFields: (request) => {
          if (request.consistency !== undefined) throw serviceError('future_revision')
          return readFields(request)
        },
      },
      commit: { commitMany: () => ({ outcomes: [{ outcome: { case: 'response', value: { revision: 99n } } }] }) },
    })
    await q.write('a', 'Count', 1n)
    await expect(q.read('a', 'Name')).rejects.toMatchObject({ code: 'future_revision' })
    await expect(q.read('a', 'Name')).resolves.toMatchObject({ value: 'a' })
    expect(requests).toHaveLength(1)
  })
})

describe('pages', () => {
  it('are read as far as the limit goes, and not before they are wanted', async () => {
    const asked: { cursor: string; limit: number }[] = []
    await using q = await connectTo({
      read: {
        listChildren: ({ cursor, limit }) => {
          asked.push({ cursor, limit })
          const start = Number(cursor)
          const children = Array.from({ length: Math.min(limit, 25 - start) }, (_, index) => ({
            id: `${start + index}`,
          }))
          return { children, nextCursor: start + limit < 25 ? `${start + limit}` : '' }
        },
      },
    })
    const pages = q.children('root', { pageSize: 10 })
    expect(asked).toEqual([])
    expect((await pages.toArray()).map(({ id }) => Number(id))).toEqual(Array.from({ length: 25 }, (_, index) => index))
    expect(asked.map(({ limit }) => limit)).toEqual([10, 10, 10])
    await expect(q.children('root', { pageSize: 10, limit: 12 }).toArray()).resolves.toHaveLength(12)
    expect(asked.slice(3).map(({ limit }) => limit)).toEqual([10, 10])
    const page = await q.children('root', { pageSize: 10 }).page('20')
    expect(page.entities).toHaveLength(5)
    expect(page.cursor).toBe('')
  })

  it('of a query reject with what a column has as a problem, but a path that leads nowhere', async () => {
    let code = 'broken_path'
    const query = () => {
      const outcome = { case: 'problem' as const, value: { code } }
      return { entities: [{ entity: { id: 'a' }, fields: [{ outcome }] }], columns: ['Owner->Name'] }
    }
    await using q = await connectTo({ query: { query } })
    await expect(q.query('FROM Device').toArray()).resolves.toMatchObject([{ id: 'a', fields: {} }])
    code = 'payload_too_large'
    await expect(q.query('FROM Device').toArray()).rejects.toMatchObject({ code: 'payload_too_large' })
  })
})
