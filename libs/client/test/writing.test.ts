import type { CommitManyRequest } from '@qcore/contracts'
import { describe, expect, it, vi } from 'vitest'
import { commit, float, int, string } from '../src/index.ts'
import { committer, connectTo, serviceError } from './_scripted.ts'

/** The values that the write of each commit carries. */
function written({ commits }: CommitManyRequest): unknown[] {
  return commits.map(({ mutations: [mutation] }) =>
    mutation?.kind.case === 'writeField' ? mutation.kind.value.value?.kind.value : undefined,
  )
}

describe('writes', () => {
  it('of one tick travel in one request, in order, each with a key and an outcome of its own', async () => {
    const store = committer()
    const requests: CommitManyRequest[] = []
    await using q = await connectTo({
      commit: {
        commitMany: (request) => {
          requests.push(request)
          return store.commitMany(request)
        },
      },
    })
    const results = await Promise.all([1n, 2n, 3n].map((value) => q.write('a', 'Count', value)))
    expect(requests.map(written)).toEqual([[1n, 2n, 3n]])
    expect(results.map(({ revision }) => revision)).toEqual([1, 2, 3])
    expect(new Set(store.keys).size).toBe(3)
    expect(q.revision).toBe(3)
  })

  it('wait for the request before, and then leave together', async () => {
    const store = committer()
    const requests: CommitManyRequest[] = []
    const gate = Promise.withResolvers<void>()
    await using q = await connectTo({
      commit: {
        commitMany: async (request) => {
          requests.push(request)
          if (requests.length === 1) await gate.promise
          return store.commitMany(request)
        },
      },
    })
    const writes = [q.write('a', 'Count', 0n)]
    await expect.poll(() => requests.length).toBe(1)
    for (let value = 1n; value <= 5n; value += 1n) {
      writes.push(q.write('a', 'Count', value))
      await new Promise(setImmediate)
    }
    gate.resolve()
    await Promise.all(writes)
    expect(requests.map(written)).toEqual([[0n], [1n, 2n, 3n, 4n, 5n]])
  })

  it('are split by count and by size', async () => {
    const store = committer()
    const sizes: number[] = []
    await using q = await connectTo({
      commit: {
        commitMany: (request) => {
          sizes.push(request.commits.length)
          return store.commitMany(request)
        },
      },
    })
    await Promise.all(Array.from({ length: 1_500 }, () => q.write('a', 'Count', 1n)))
    expect(sizes).toEqual([1_000, 500])
    sizes.length = 0
    const text = string('x'.repeat(100_000))
    await Promise.all(Array.from({ length: 5 }, () => q.write('a', 'Text', text)))
    expect(sizes).toEqual([2, 2, 1])
    sizes.length = 0
    const file = { mediaType: '', content: new Uint8Array(300_000) }
    await Promise.all(Array.from({ length: 4 }, () => q.write('a', 'File', file)))
    expect(sizes).toEqual([2, 2])
  })

  it('fail one by one', async () => {
    const store = committer()
    await using q = await connectTo({
      commit: {
        commitMany: (request) => {
          const { outcomes } = store.commitMany(request)
          return {
            outcomes: outcomes.map((outcome, index) =>
              written(request)[index] === 2n
                ? {
                    outcome: {
                      case: 'problem' as const,
                      value: { code: 'condition_failed', message: 'no', field: 'commits[1].conditions[0]' },
                    },
                  }
                : outcome,
            ),
          }
        },
      },
    })
    const results = await Promise.allSettled([1n, 2n, 3n].map((value) => q.write('a', 'Count', value)))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: { code: 'condition_failed', field: 'conditions[0]' } })
  })

  it('are sent again without a malformed one, in their order', async () => {
    const store = committer()
    const requests: unknown[][] = []
    await using q = await connectTo({
      commit: {
        commitMany: (request) => {
          requests.push(written(request))
          const index = written(request).indexOf(2n)
          if (index >= 0)
            throw serviceError('invalid_request', 'bad', `commits[${index}].mutations[0].write_field.field`)
          return store.commitMany(request)
        },
      },
    })
    const results = await Promise.allSettled([1n, 2n, 3n, 4n].map((value) => q.write('a', 'Count', value)))
    expect(requests).toEqual([
      [1n, 2n, 3n, 4n],
      [1n, 3n, 4n],
    ])
    expect(results[1]).toMatchObject({ reason: { code: 'invalid_request', field: 'mutations[0].write_field.field' } })
  })

  it('without a change are refused by the writer, and the others made', async () => {
    const store = committer()
    await using q = await connectTo({
      commit: {
        commitMany: (request) => {
          const index = request.commits.findIndex(({ mutations }) => mutations.length === 0)
          if (index >= 0) throw serviceError('invalid_request', 'too few', `commits[${index}].mutations`)
          return store.commitMany(request)
        },
      },
    })
    await expect(q.commit(commit())).rejects.toMatchObject({ code: 'invalid_request', field: 'mutations' })
    const results = await Promise.allSettled([q.commit(commit()), q.write('a', 'Count', 1n), q.commit(commit())])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
  })

  it('that are too large together are sent apart, in their order', async () => {
    const store = committer()
    const requests: unknown[][] = []
    await using q = await connectTo({
      commit: {
        commitMany: (request) => {
          if (request.commits.length > 1) throw serviceError('payload_too_large')
          requests.push(written(request))
          return store.commitMany(request)
        },
      },
    })
    await Promise.all([1n, 2n, 3n, 4n].map((value) => q.write('a', 'Count', value)))
    expect(requests).toEqual([[1n], [2n], [3n], [4n]])
  })

  it('are sent again with the same key when the answer is lost, and settled by the second answer', async () => {
    const store = committer()
    let attempts = 0
    await using q = await connectTo({
      commit: {
        commitMany: (request) => {
          attempts += 1
          const answer = store.commitMany(request)
          if (attempts === 1) throw serviceError('outcome_unknown')
          return answer
        },
      },
    })
    await q.write('a', 'Count', 1n)
    expect(store.keys).toHaveLength(2)
    expect(new Set(store.keys).size).toBe(1)
  })

  it('that the writer refuses for the moment are sent again alone', async () => {
    const store = committer()
    const requests: unknown[][] = []
    await using q = await connectTo({
      commit: {
        commitMany: (request) => {
          requests.push(written(request))
          const { outcomes } = store.commitMany(request)
          if (requests.length > 1) return { outcomes }
          const busy = { case: 'problem' as const, value: { code: 'overloaded', message: 'full', field: '' } }
          return { outcomes: outcomes.map((outcome, index) => (index === 1 ? { outcome: busy } : outcome)) }
        },
      },
    })
    await Promise.all([1n, 2n, 3n].map((value) => q.write('a', 'Count', value)))
    expect(requests).toEqual([[1n, 2n, 3n], [2n]])
  })

  it('end with what is known at their deadline', async () => {
    await using q = await connectTo(
      {
        commit: {
          commitMany: () => {
            throw serviceError('not_leader')
          },
        },
      },
      { timeoutMs: 150 },
    )
    await expect(q.write('a', 'Count', 1n)).rejects.toMatchObject({ code: 'not_leader' })
  })

  it('with a shorter deadline end by it, sent or not', async () => {
    const begun = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const store = committer()
    await using q = await connectTo({
      commit: {
        commitMany: async (request) => {
          begun.resolve()
          await gate.promise
          return store.commitMany(request)
        },
      },
    })
    const sent = q.write('a', 'Count', 1n, { timeoutMs: 1_000 })
    await begun.promise
    const waiting = q.write('a', 'Count', 2n, { timeoutMs: 20 })
    const kept = q.write('a', 'Count', 3n)
    const [first, second] = await Promise.allSettled([sent, waiting])
    expect(first).toMatchObject({ reason: { code: 'outcome_unknown' } })
    expect(second).toMatchObject({ reason: { code: 'deadline_exceeded' } })
    gate.resolve()
    await expect(kept).resolves.toMatchObject({ revision: expect.any(Number) })
    expect(store.keys.length).toBeLessThanOrEqual(2)
  })

  it('that were given up before they left are not sent', async () => {
    const store = committer()
    await using q = await connectTo({ commit: store })
    const controller = new AbortController()
    const given = q.write('a', 'Count', 1n, { signal: controller.signal })
    const kept = q.write('a', 'Count', 2n)
    controller.abort()
    await expect(given).rejects.toMatchObject({ code: 'canceled' })
    await kept
    expect(store.keys).toHaveLength(1)
  })

  it('on their way end with their signal, and the request with the last of them', async () => {
    const begun = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<void>()
    await using q = await connectTo({
      commit: {
        commitMany: async (_, { signal }) => {
          begun.resolve()
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          ended.resolve()
          throw serviceError('canceled')
        },
      },
    })
    const controllers = [new AbortController(), new AbortController()]
    const writes = controllers.map(({ signal }) => q.write('a', 'Count', 1n, { signal }))
    await begun.promise
    for (const [index, controller] of controllers.entries()) {
      controller.abort()
      await expect(writes[index]).rejects.toMatchObject({ code: 'canceled' })
    }
    await ended.promise
  })

  it('carry the key, the option and the time that they were given', async () => {
    const store = committer()
    const requests: CommitManyRequest[] = []
    await using q = await connectTo({
      commit: {
        commitMany: (request) => {
          requests.push(request)
          return store.commitMany(request)
        },
      },
    })
    await q.write('a', 'Count', 1n, { ifChanged: true, writeTime: new Date(1_500), idempotencyKey: 'mine' })
    expect(requests[0]?.commits[0]).toMatchObject({
      idempotencyKey: 'mine',
      mutations: [{ kind: { value: { option: 1, writeTime: { seconds: 1n, nanos: 500_000_000 } } } }],
    })
  })
})

describe('the type of a value', () => {
  const schemas: Record<string, { name: string; valueType: number }[]> = {
    Device: [
      { name: 'Status', valueType: 8 },
      { name: 'Level', valueType: 2 },
    ],
  }

  function directory() {
    const asked = { entities: 0, schemas: 0 }
    const store = committer()
    const kinds: unknown[][] = []
    return {
      asked,
      kinds,
      script: {
        read: {
          getEntities: ({ entityIds }: { entityIds: string[] }) => {
            asked.entities += entityIds.length
            return {
              results: entityIds.map((id) => ({ outcome: { case: 'entity' as const, value: { id, type: 'Device' } } })),
            }
          },
          getSchema: ({ type }: { type: string }) => {
            asked.schemas += 1
            const fields = schemas[type] ?? []
            const defaultValue = { kind: { case: 'int' as const, value: 0n } }
            return { schema: { type, fields: fields.map((field) => ({ ...field, defaultValue })) as never } }
          },
        },
        commit: {
          commitMany: (request: CommitManyRequest) => {
            for (const { mutations } of request.commits) {
              kinds.push(
                mutations.map(({ kind }) => (kind.case === 'writeField' ? kind.value.value?.kind.case : kind.case)),
              )
            }
            return store.commitMany(request)
          },
        },
      },
    }
  }

  it('is looked up once a type and once an entity, and only for strings and numbers', async () => {
    const { asked, kinds, script } = directory()
    await using q = await connectTo(script)
    await q.write('a', 'Done', true)
    expect(asked).toEqual({ entities: 0, schemas: 0 })
    await Promise.all([q.write('a', 'Status', 'ON'), q.write('b', 'Level', 5)])
    expect(asked).toEqual({ entities: 2, schemas: 1 })
    await Promise.all([q.write('a', 'Level', 1), q.write('b', 'Status', 'OFF')])
    expect(asked).toEqual({ entities: 2, schemas: 1 })
    expect(kinds).toEqual([['bool'], ['choice'], ['float'], ['float'], ['choice']])
  })

  it('is not looked up when the value says it', async () => {
    const { asked, kinds, script } = directory()
    await using q = await connectTo(script)
    await q.commit(commit().write('a', 'Count', int(5)).write('a', 'Level', float(1)).write('a', 'Text', string('x')))
    expect(asked).toEqual({ entities: 0, schemas: 0 })
    expect(kinds).toEqual([['int', 'float', 'string']])
  })

  it('is known of what the commit itself creates', async () => {
    const { asked, kinds, script } = directory()
    await using q = await connectTo(script)
    await q.commit(
      commit()
        .setSchema({ type: 'Lamp', fields: { Name: 'String', Watts: 'Float' } })
        .create('Lamp', { parent: 'root', name: 'lamp', id: 'lamp', fields: { Name: 'x' } })
        .write('lamp', 'Watts', 5),
    )
    expect(asked).toEqual({ entities: 0, schemas: 0 })
    expect(kinds).toEqual([['setSchema', 'createEntity', 'float']])
  })

  it('does not let later writes overtake the one it is looked up for', async () => {
    const { kinds, script } = directory()
    await using q = await connectTo(script)
    await Promise.all([q.write('a', 'Status', 'ON'), q.write('a', 'Done', true)])
    expect(kinds).toEqual([['choice'], ['bool']])
  })

  it('that cannot be found is left to the writer to judge', async () => {
    const { kinds, script } = directory()
    await using q = await connectTo(script)
    await Promise.all([q.write('a', 'Missing', 'x'), q.write('a', 'Missing', 1), q.write('a', 'Missing', 1.5)])
    expect(kinds).toEqual([['string'], ['int'], ['float']])
  })

  it('is looked up again when the writer knows better', async () => {
    const { asked, kinds, script } = directory()
    let refusals = 1
    const { commitMany } = script.commit
    await using q = await connectTo({
      ...script,
      commit: {
        commitMany: (request) => {
          const answer = commitMany(request)
          refusals -= 1
          if (refusals !== 0) return answer
          return { outcomes: [{ outcome: { case: 'problem', value: { code: 'type_mismatch' } } }] }
        },
      },
    })
    await q.write('a', 'Level', 5)
    expect(asked).toEqual({ entities: 2, schemas: 2 })
    expect(kinds).toHaveLength(2)
  })
})

describe('a token', () => {
  it('from a function is got again when the one before has ended', async () => {
    const shown: (string | null)[] = []
    let minted = 0
    await using q = await connectTo(
      {
        read: {
          listTypes: (_, { requestHeader }) => {
            shown.push(requestHeader.get('authorization'))
            if (shown.length === 2) throw serviceError('token_expired')
            return { types: ['T'] }
          },
        },
      },
      {
        token: async () => {
          minted += 1
          return `token-${minted}`
        },
      },
    )
    await q.types()
    await expect(q.types()).resolves.toEqual(['T'])
    expect(shown).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2'])
  })

  it.each([
    ['throws', () => badIssuer()],
    ['rejects', async () => badIssuer()],
  ])('that cannot be got is asked for until the deadline, when the function %s', async (_, getToken) => {
    const token = vi.fn<() => string | Promise<string>>(getToken)
    await using q = await connectTo({ read: { listTypes: () => ({ types: ['T'] }) } }, { token, timeoutMs: 200 })
    const error: unknown = await q.types().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'unavailable', cause: { message: 'no issuer' } })
    expect(token.mock.calls.length).toBeGreaterThan(1)
    token.mockReturnValue('there again')
    await expect(q.types()).resolves.toEqual(['T'])
  })
})

function badIssuer(): never {
  throw new Error('no issuer')
}
