import { create, toBinary } from '@bufbuild/protobuf'
import { CommitRecordSchema, LogBatchSchema, TypeSchemaSchema, ValueType } from '@qcore/contracts'
import { expect, test } from 'vitest'
import { LogRecord, splitBatch } from './log-record.ts'
import { applyRawCommit, commitTimeUs, type RawState } from './raw-commit.ts'

function recordBytes(): Uint8Array {
  const state: RawState = {
    types: new Map(),
    entities: new Map(),
    revision: 40,
    leavesValuesOut: false,
    nextFieldId: 1,
  }
  const schema = create(TypeSchemaSchema, { type: 'Thing', fields: [{ name: 'Text', valueType: ValueType.STRING }] })
  return applyRawCommit(state, [
    { kind: 'schema', schema },
    { kind: 'create', id: 'a', type: 'Thing', parentId: 'root', name: 'Ä \u{1F600}' },
    { kind: 'write', id: 'a', field: 'Text', value: 'x'.repeat(300) },
    { kind: 'delete', id: 'a' },
  ])
}

test('a record tells what changed without being decoded', () => {
  const record = new LogRecord(41, Buffer.from(recordBytes()))
  expect(record.changes).toMatchObject([
    { kind: 'schema_changed' },
    { kind: 'entity_created', entityId: 'a', type: 'Thing', name: 'Ä \u{1F600}', parentId: 'root' },
    { kind: 'field_changed', entityId: 'a', type: 'Thing', name: 'Text' },
    { kind: 'entity_deleted', entityId: 'a', type: 'Thing', parentId: 'root' },
  ])
  expect(record.writer).toBe('writer-2')
  expect(record.commitTimeUs).toBe(commitTimeUs(41))
  expect(record.commit.changes).toHaveLength(4)
})

test('a batch is split into records, wherever it lies in memory', () => {
  const commits = [7n, 8n, 2n ** 40n].map((revision) => create(CommitRecordSchema, { revision }))
  const message = toBinary(LogBatchSchema, create(LogBatchSchema, { logId: 'log', commits }))
  const memory = new Uint8Array(message.length + 20)
  memory.set(message, 9)
  const { logId, records } = splitBatch(memory.subarray(9, 9 + message.length))
  expect(logId).toBe('log')
  expect(records.map(({ revision }) => revision)).toEqual([7, 8, 2 ** 40])
  expect(records.map(({ commit }) => commit.revision)).toEqual([7n, 8n, 2n ** 40n])
})

test('a change of a kind that is not known yet does no harm', () => {
  const unknownChange = [0x32, 4, 0xa2, 6, 1, 0]
  const bytes = Buffer.from([8, 5, ...unknownChange])
  expect(new LogRecord(5, bytes).changes).toMatchObject([{ kind: 'other' }])
})

test('bytes that are no message are refused', () => {
  for (const bytes of [
    [0x22, 0x7f, 1],
    [0x0a],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
    [0x0b],
  ]) {
    expect(() => splitBatch(new Uint8Array(bytes))).toThrow(RangeError)
  }
})
