import { create, fromBinary } from '@bufbuild/protobuf'
import {
  LogBatchSchema,
  logStreamName,
  MutationSchema,
  ValueSchema,
  WriteOption,
  type CommitRecord,
} from '@qcore/contracts'
import { jetstreamManager } from '@nats-io/jetstream'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import { applyPlan, type Model, type Plan, type Step } from './_store-model.ts'
import { createEntity, deleteEntity, write, type RequestInit } from './_writer-client.ts'

let test: RunningWriter

beforeAll(async () => {
  // A working set of a few entities: most commits find theirs in PostgreSQL only.
  test = await startWriter({ Q_WRITER_CACHE_BYTES: '1048576' })
})
afterAll(() => test[Symbol.asyncDispose]())

const names = Array.from({ length: 6 }, (_, index) => `e${index}`)
const id = fc.constantFrom(...names)
const parent = fc.constantFrom('root', ...names)
const target = fc.constantFrom('', ...names)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('create' as const), id, parent, peer: target }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), id }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('move' as const), id, parent }) },
  fc.record({ do: fc.constant('count' as const), id, value: fc.nat(2), ifChanged: fc.boolean() }),
  fc.record({ do: fc.constant('peer' as const), id, target }),
  fc.record({ do: fc.constant('peers' as const), id, targets: fc.uniqueArray(id, { maxLength: 4 }) }),
)
const plan: fc.Arbitrary<Plan> = fc.record(
  { steps: fc.array(step, { minLength: 1, maxLength: 2 }), expects: fc.record({ id, count: fc.nat(1) }) },
  { requiredKeys: ['steps'] },
)

/** Ids are the run's own, so that every run begins with nothing. */
function requestOf({ steps, expects }: Plan, real: (name: string) => string): RequestInit {
  const mutations = steps.map((one) => {
    switch (one.do) {
      case 'create':
        return createEntity('Machine', real(one.parent), one.id, {
          entityId: real(one.id),
          fields: { Peer: { kind: { case: 'entityReference', value: real(one.peer) } } },
        })
      case 'delete':
        return deleteEntity(real(one.id))
      case 'move': {
        const value = { entityId: real(one.id), parentId: real(one.parent) }
        return create(MutationSchema, { kind: { case: 'moveEntity', value } })
      }
      case 'count': {
        const option = one.ifChanged ? WriteOption.IF_CHANGED : WriteOption.UNSPECIFIED
        return write(real(one.id), 'Count', { case: 'int', value: BigInt(one.value) }, { option })
      }
      case 'peer':
        return write(real(one.id), 'Peer', { case: 'entityReference', value: real(one.target) })
      default:
        return write(real(one.id), 'Peers', { case: 'entityList', value: { entityIds: one.targets.map(real) } })
    }
  })
  if (expects === undefined) return { mutations }
  const value = { kind: { case: 'int' as const, value: BigInt(expects.count) } }
  const condition = { entityId: real(expects.id), field: 'Count', value }
  return { mutations, conditions: [{ kind: { case: 'fieldValue', value: condition } }] }
}

/** Every run begins with some entities that refer to each other; from nothing, random commits would mostly be refused. */
const beginning: Plan[] = [
  { steps: names.map((name) => ({ do: 'create', id: name, parent: 'root', peer: '' })) },
  { steps: [{ do: 'delete', id: 'e5' }] },
  { steps: [{ do: 'create', id: 'e5', parent: 'e4', peer: 'e0' }] },
  { steps: [{ do: 'peers', id: 'e0', targets: ['e4', 'e5', 'e1'] }] },
]

let run = 0

it('random commits do what a simple model does, in groups of any size', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(plan, { minLength: 1, maxLength: 8, size: 'max' }), { maxLength: 8, size: 'max' }),
      async (groups) => {
        const prefix = `run${run++}-`
        const real = (name: string): string => (name === 'root' ? test.root : name === '' ? '' : prefix + name)
        let model: Model = new Map()
        for (const group of [beginning, ...groups]) {
          const { outcomes } = await test.commits.commitMany({ commits: group.map((one) => requestOf(one, real)) })
          for (const [index, one] of group.entries()) {
            const expected = applyPlan(model, 'root', one)
            const outcome = outcomes[index]?.outcome
            const code = outcome?.case === 'problem' ? outcome.value.code : undefined
            expect(code).toBe(typeof expected === 'string' ? expected : undefined)
            if (typeof expected !== 'string') model = expected
          }
        }
        expect(await storedModel(prefix)).toEqual(model)
      },
    ),
    { numRuns: 120 },
  )
  const log = await test.log()
  // Most of what was tried was done: the runs compare more than refusals.
  expect(log.length).toBeGreaterThan(run * 6)
  expect(log.map(({ revision }) => Number(revision))).toEqual(log.map((_, index) => index + 1))
  expect(foldLog(log)).toEqual(await storedModel(''))
  await expectReferencesToMatch(await storedModel(''))
  expect(await storedTombstones()).toEqual(deletionsOf(log))
  await vi.waitFor(async () => expect(await streamRevisions()).toEqual(log.map((_, index) => index + 1)), 60_000)
}, 180_000)

/** The entities of type Machine in PostgreSQL. */
async function storedModel(prefix: string): Promise<Model> {
  const { rows } = await test.pool.query<{ id: string; parent_id: string; values: Buffer[] }>(
    `select e.id, e.parent_id, array_agg(f.value order by f.field_id) as values
     from entity e join field f on f.entity_id = e.id
     where e.type = 'Machine' and e.id like $1 group by e.id`,
    [`${prefix}%`],
  )
  return new Map(
    rows.map(({ id: realId, parent_id: parentId, values }) => {
      const [count, peer, peers] = [0, 5, 8].map((at) => fromBinary(ValueSchema, values[at] ?? Buffer.of()).kind)
      return [shorten(realId, prefix), modelEntity(prefix, { parentId, count, peer, peers })]
    }),
  )
}

type Kind = ReturnType<typeof fromBinary<typeof ValueSchema>>['kind'] | undefined

function modelEntity(
  prefix: string,
  { parentId, count, peer, peers }: { parentId: string; count: Kind; peer: Kind; peers: Kind },
): { parent: string; count: number; peer: string; peers: string[] } {
  return {
    parent: shorten(parentId, prefix),
    count: count?.case === 'int' ? Number(count.value) : Number.NaN,
    peer: peer?.case === 'entityReference' ? shorten(peer.value, prefix) : 'none',
    peers: peers?.case === 'entityList' ? peers.value.entityIds.map((one) => shorten(one, prefix)) : [],
  }
}

function shorten(realId: string, prefix: string): string {
  return realId === test.root ? 'root' : realId.slice(prefix.length)
}

/** What the log alone says that the store holds. */
function foldLog(log: readonly CommitRecord[]): Model {
  const kinds = new Map<string, { parentId: string; fields: Map<string, Kind> }>()
  for (const { changes } of log) {
    for (const { kind } of changes) {
      if (kind.case === 'entityCreated' && kind.value.entity?.type === 'Machine') {
        const fields = new Map(kind.value.fields.map(({ name, value }) => [name, value?.kind]))
        kinds.set(kind.value.entity.id, { parentId: kind.value.entity.parentId, fields })
      } else if (kind.case === 'entityChanged') {
        const moved = kinds.get(kind.value.entity?.id ?? '')
        if (moved !== undefined) moved.parentId = kind.value.entity?.parentId ?? ''
      } else if (kind.case === 'entityDeleted') {
        kinds.delete(kind.value.entity?.id ?? '')
      } else if (kind.case === 'fieldChanged') {
        kinds.get(kind.value.entityId)?.fields.set(kind.value.name, kind.value.value?.kind)
      }
    }
  }
  return new Map(
    [...kinds].map(([realId, { parentId, fields }]) => {
      const [count, peer, peers] = ['Count', 'Peer', 'Peers'].map((name) => fields.get(name))
      return [realId, modelEntity('', { parentId, count, peer, peers })]
    }),
  )
}

async function expectReferencesToMatch(model: Model): Promise<void> {
  const { rows } = await test.pool.query<{ pair: string }>(
    `select target_id || '<' || entity_id as pair from reference`,
  )
  const expected = [...model].flatMap(([holder, { peer, peers }]) =>
    [...peers, ...(peer === '' ? [] : [peer])].map((one) => `${one === 'root' ? test.root : one}<${holder}`),
  )
  expect(rows.map(({ pair }) => pair).sort()).toEqual(expected.sort())
}

/** What PostgreSQL keeps of deleted entities, in order. */
async function storedTombstones(): Promise<unknown[]> {
  const { rows } = await test.pool.query<{ row: unknown }>(
    `select json_build_array(revision, entity_id, type, name, parent_id, created_revision) as row
     from tombstone order by revision, entity_id`,
  )
  return rows.map(({ row }) => row)
}

function deletionsOf(log: readonly CommitRecord[]): unknown[] {
  return log.flatMap(({ revision, changes }) =>
    changes
      .flatMap(({ kind }) => (kind.case === 'entityDeleted' ? [kind.value.entity] : []))
      .map((entity) => [
        Number(revision),
        entity?.id,
        entity?.type,
        entity?.name,
        entity?.parentId,
        Number(entity?.createdRevision),
      ])
      .sort((a, b) => (String(a[1]) < String(b[1]) ? -1 : 1)),
  )
}

/** There are about a thousand: one by one they would take long on a busy machine. */
const messagesAtATime = 100

async function streamRevisions(): Promise<number[]> {
  const { streams } = await jetstreamManager(test.connection)
  const name = logStreamName(test.store)
  const { state } = await streams.info(name)
  const revisions: number[] = []
  for (let first = state.first_seq; first <= state.last_seq; first += messagesAtATime) {
    const count = Math.min(messagesAtATime, state.last_seq - first + 1)
    const read = Array.from({ length: count }, (_, index) => streams.getMessage(name, { seq: first + index }))
    for (const message of await Promise.all(read)) {
      if (message === null) continue
      for (const { revision } of fromBinary(LogBatchSchema, message.data).commits) revisions.push(Number(revision))
    }
  }
  return revisions
}
