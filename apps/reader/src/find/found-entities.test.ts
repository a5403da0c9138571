import { create, toBinary } from '@bufbuild/protobuf'
import { CommitRecordSchema } from '@qcore/contracts'
import { LogRecord } from '@qcore/replica'
import { expect, it } from 'vitest'
import { FoundEntities } from './found-entities.ts'

const row = { id: 'a', name: 'a', parentId: '', createdRevision: 1, structureRevision: 1, place: '' }

it('does not keep a page that was read before a change which was applied meanwhile', () => {
  const found = new FoundEntities(1_000_000)
  found.follow({ appliedRevision: 1 })
  const entity = { id: 'a', type: 'Thing', name: 'b' }
  const kind = { case: 'entityChanged' as const, value: { entity, previous: { ...entity, name: 'a' } } }
  const commit = create(CommitRecordSchema, { revision: 3n, changes: [{ kind }] })
  found.apply(new LogRecord(3, Buffer.from(toBinary(CommitRecordSchema, commit))))
  found.add('Thing', [row], 2)
  expect(found.get('Thing', ['a'], 3)).toBeUndefined()
  found.add('Thing', [{ ...row, name: 'b', structureRevision: 3 }], 3)
  expect(found.get('Thing', ['a'], 3)).toMatchObject([{ name: 'b' }])
})
