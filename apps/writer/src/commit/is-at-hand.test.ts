import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { CommitRequestSchema, TypeSchemaSchema, ValueType } from '@qcore/contracts'
import { completeSchema, typeModelFromSchema } from '@qcore/model'
import { expect, it } from 'vitest'
import { CommitNeeds } from './commit-needs.ts'
import { isAtHand } from './is-at-hand.ts'
import type { PendingCommit } from './pending-commit.ts'
import { WorkingSet } from './working-set.ts'

const schema = create(TypeSchemaSchema, {
  type: 'Thing',
  fields: [
    { name: 'Count', valueType: ValueType.INT },
    { name: 'Owner', valueType: ValueType.ENTITY_REFERENCE },
    { name: 'Rule', valueType: ValueType.TRANSFORMATION },
  ],
})
const model = typeModelFromSchema(completeSchema(schema, { previous: undefined, nextFieldId: 1, path: '' }))
const workingSet = new WorkingSet(1_000_000)
workingSet.restart([model])
workingSet.entities.set('here', {
  id: 'here',
  type: 'Thing',
  name: '',
  parentId: '',
  place: '',
  depth: 1,
  createdRevision: 1,
  structureRevision: 1,
  fields: [],
  bytes: 0,
})

type Write = { entityId: string; field: string; value?: { kind: { case: 'int'; value: bigint } } }
const int = { kind: { case: 'int', value: 1n } } as const

function commitOf(request: MessageInitShape<typeof CommitRequestSchema>): PendingCommit {
  return {
    request: create(CommitRequestSchema, request),
    caller: { subject: 'a', level: 1, scopes: [], tokenId: '', issuedAt: 0, expiresAt: 0 },
    signal: new AbortController().signal,
    sizeBytes: 0,
    settle: () => undefined,
  }
}

function isWriteAtHand(...writes: Write[]): boolean {
  const mutations = writes.map((value) => ({ kind: { case: 'writeField' as const, value } }))
  return isAtHand(commitOf({ mutations }), workingSet)
}

it('a commit that writes plain values to entities that are here needs nothing more', () => {
  const write = { entityId: 'here', field: 'Count', value: int }
  expect(isWriteAtHand(write, write)).toBe(true)
})

it('an event needs nothing more if its namespace is known', () => {
  workingSet.namespaces.add('known')
  const emits = (namespace: string): PendingCommit =>
    commitOf({ mutations: [{ kind: { case: 'emitEvent', value: { namespace, type: 'a' } } }] })
  expect(isAtHand(emits('known'), workingSet)).toBe(true)
  expect(isAtHand(emits('unknown'), workingSet)).toBe(false)
})

it.each<[string, Write]>([
  ['an entity that is not here', { entityId: 'elsewhere', field: 'Count', value: int }],
  ['a field that there is not', { entityId: 'here', field: 'Counts', value: int }],
  ['a field by a path', { entityId: 'here', field: 'Owner->Count', value: int }],
  ['a field that is fed', { entityId: 'here', field: 'Rule', value: int }],
])('one that writes %s may need more', (_what, write) => {
  expect(isWriteAtHand({ entityId: 'here', field: 'Count', value: int }, write)).toBe(false)
})

it('one that refers to entities, has conditions, does anything else, or needs more by what it said, may need more', () => {
  const written = (value: object) => [
    { kind: { case: 'writeField' as const, value: { entityId: 'here', field: 'Owner', value } } },
  ]
  const reference = written({ kind: { case: 'entityReference', value: 'x' } })
  expect(isAtHand(commitOf({ mutations: reference }), workingSet)).toBe(false)
  const list = written({ kind: { case: 'entityList', value: { entityIds: ['x'] } } })
  expect(isAtHand(commitOf({ mutations: list }), workingSet)).toBe(false)
  const plain = [{ kind: { case: 'writeField' as const, value: { entityId: 'here', field: 'Count', value: int } } }]
  const conditions = [{ kind: { case: 'entityExists' as const, value: { entityId: 'x', exists: true } } }]
  expect(isAtHand(commitOf({ mutations: plain, conditions }), workingSet)).toBe(false)
  const deletion = [{ kind: { case: 'deleteEntity' as const, value: { entityId: 'here' } } }]
  expect(isAtHand(commitOf({ mutations: deletion }), workingSet)).toBe(false)
  expect(isAtHand({ ...commitOf({ mutations: plain }), needs: new CommitNeeds() }, workingSet)).toBe(false)
})
