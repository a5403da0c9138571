import type { CommitManyRequest, ReadFieldsRequest } from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { committer, connectTo, serviceError } from './_scripted.ts'
import { Device } from './_types.ts'

const int = (value: bigint) => ({ kind: { case: 'int' as const, value } })

describe('bindings', () => {
  it('of one multi read in one request what is read in one tick', async () => {
    const requests: ReadFieldsRequest[] = []
    const readFields = (request: ReadFieldsRequest) => {
      requests.push(request)
      const result = { outcome: { case: 'field' as const, value: { value: int(5n), revision: 1n } } }
      return { revision: 7n, results: request.reads.map(() => result) }
    }
    await using q = await connectTo({ read: { readFields } })
    const multi = q.multi()
    multi.entity(Device, 'c').write('Level', 9)
    const read = ['a', 'b', 'c'].map((id) => multi.entity(Device, id).read('Level'))
    await expect(Promise.all([...read, multi.entity('d').field('Level').readInt()])).resolves.toEqual([5n, 5n, 9n, 5n])
    expect(requests.map(({ reads }) => reads.map(({ entityId }) => entityId))).toEqual([['a', 'b', 'd']])
  })

  it('with a definition ask for no schema and no entity', async () => {
    const commits: CommitManyRequest[] = []
    const { commitMany } = committer()
    const script = {
      commitMany: (request: CommitManyRequest) => {
        commits.push(request)
        return commitMany(request)
      },
    }
    await using q = await connectTo({ commit: script })
    await q.of(Device).create({ parent: 'p', name: 'n', fields: { Weight: 5, Status: 'ON' } })
    await q.of(Device).write('a', 'Level', 5)
    const multi = q.multi()
    multi.entity(Device, 'a').write('Weight', 5)
    await multi.commit()
    expect(commits.flatMap((request) => request.commits.flatMap(({ mutations }) => mutations))).toMatchObject([
      { kind: { value: { fields: { Weight: { kind: { case: 'float' } }, Status: { kind: { case: 'choice' } } } } } },
      { kind: { value: { value: int(5n) } } },
      { kind: { value: { value: { kind: { case: 'float', value: 5 } } } } },
    ])
  })
})

describe('a multi whose commit has no answer', () => {
  /** Answers nothing until told otherwise; notes the keys. */
  function unsteady() {
    const { commitMany } = committer()
    const state = { fails: true, keys: [] as string[] }
    return {
      state,
      commitMany: (request: CommitManyRequest) => {
        state.keys.push(...request.commits.map(({ idempotencyKey }) => idempotencyKey))
        if (state.fails) throw serviceError('outcome_unknown')
        return commitMany(request)
      },
    }
  }

  it('is committed again as the same commit, and takes no changes before', async () => {
    const { state, commitMany } = unsteady()
    await using q = await connectTo({ commit: { commitMany } })
    const multi = q.multi()
    const device = multi.entity(Device, 'a')
    device.write('Level', 1)
    await expect(multi.commit({ timeoutMs: 100 })).rejects.toMatchObject({ code: 'outcome_unknown' })
    const refused = expect.objectContaining({ code: 'outcome_unknown' })
    expect(() => device.write('Level', 2)).toThrow(refused)
    expect(() => device.delete()).toThrow(refused)
    expect(() => device.list('Parts').add('b')).toThrow(refused)
    expect(() => multi.create(Device, { parent: 'a', name: 'n' })).toThrow(refused)
    expect(() => multi.ifExists('a')).toThrow(refused)
    state.fails = false
    await multi.commit()
    expect(new Set(state.keys).size).toBe(1)
    device.write('Level', 2)
    await multi.commit()
    expect(new Set(state.keys).size).toBe(2)
  })

  it('can be discarded', async () => {
    const { commitMany, state } = unsteady()
    await using q = await connectTo({ commit: { commitMany } })
    const multi = q.multi()
    multi.entity(Device, 'a').write('Level', 1)
    await expect(multi.commit({ timeoutMs: 100 })).rejects.toMatchObject({ code: 'outcome_unknown' })
    multi.discard()
    expect(multi.size).toBe(0)
    state.fails = false
    multi.entity(Device, 'a').write('Level', 2)
    await multi.commit()
    expect(new Set(state.keys).size).toBe(2)
  })

  it('takes no changes and no second commit while it is on its way', async () => {
    const { state, commitMany } = unsteady()
    state.fails = false
    await using q = await connectTo({ commit: { commitMany } })
    const multi = q.multi()
    const device = multi.entity(Device, 'a')
    device.write('Level', 1)
    const committing = multi.commit()
    const refused = expect.objectContaining({ code: 'invalid_request' })
    expect(() => device.write('Level', 2)).toThrow(refused)
    expect(() => multi.discard()).toThrow(refused)
    await expect(multi.commit()).rejects.toEqual(refused)
    await committing
    expect(multi.size).toBe(0)
    expect(state.keys).toHaveLength(1)
  })

  it('is in doubt when it was given up, too', async () => {
    const { state, commitMany } = unsteady()
    await using q = await connectTo({ commit: { commitMany } })
    const multi = q.multi()
    multi.entity(Device, 'a').write('Level', 1)
    const controller = new AbortController()
    const committing = multi.commit({ signal: controller.signal })
    const given = expect(committing).rejects.toMatchObject({ code: 'canceled' })
    controller.abort()
    await given
    expect(() => multi.entity(Device, 'a').write('Level', 2)).toThrow(
      expect.objectContaining({ code: 'outcome_unknown' }),
    )
    state.fails = false
    await multi.commit()
    expect(multi.size).toBe(0)
  })
})

describe('an edit of a list', () => {
  it('that is refused all the time ends with the reason', async () => {
    const readFields = (request: ReadFieldsRequest) => ({
      revision: 7n,
      results: request.reads.map(() => ({
        outcome: {
          case: 'field' as const,
          value: { value: { kind: { case: 'entityList' as const, value: { entityIds: ['a'] } } }, revision: 3n },
        },
      })),
    })
    const problem = { code: 'condition_failed', message: 'no', field: 'commits[0].conditions[0].field_revision' }
    const commitMany = () => ({ outcomes: [{ outcome: { case: 'problem' as const, value: problem } }] })
    await using q = await connectTo({ read: { readFields }, commit: { commitMany } })
    const multi = q.multi()
    multi.entity(Device, 'x').list('Parts').add('b')
    await expect(multi.commit({ timeoutMs: 200 })).rejects.toMatchObject({ code: 'condition_failed' })
    expect(multi.size).toBe(1)
  })
})
