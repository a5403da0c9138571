import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import {
  ChangeSchema,
  CommitRecordSchema,
  SubscriptionSchema,
  ValueSchema,
  type Change,
  type Subscription,
  type Value,
} from '@qcore/contracts'
import { timestampFromMicros } from '@qcore/model'
import { LogRecord } from '@qcore/replica'
import { fieldWrites, type FieldWrite } from '../src/match/field-write.ts'

/** 2026-01-01T00:00:00Z, in microseconds. */
export const commitTimeUs = 1_767_225_600_000_000

export function stringValue(text: string): Value {
  return create(ValueSchema, { kind: { case: 'string', value: text } })
}

export function fieldChanged(entityId: string, name: string, value: Value, previous: Value, type = 'Tank'): Change {
  return create(ChangeSchema, {
    kind: {
      case: 'fieldChanged',
      value: {
        entityId,
        entityType: type,
        name,
        value,
        previous: { name, value: previous, writer: 'old', revision: 1n },
      },
    },
  })
}

export function entityCreated(id: string, fields: Record<string, Value>, type = 'Tank'): Change {
  const states = Object.entries(fields).map(([name, value]) => ({ name, value }))
  return create(ChangeSchema, {
    kind: { case: 'entityCreated', value: { entity: { id, type, name: id, parentId: 'root' }, fields: states } },
  })
}

export function entityDeleted(id: string, fields: Record<string, Value>, type = 'Tank'): Change {
  const states = Object.entries(fields).map(([name, value]) => ({ name, value }))
  return create(ChangeSchema, {
    kind: { case: 'entityDeleted', value: { entity: { id, type, name: id, parentId: 'root' }, fields: states } },
  })
}

/** A commit as it stands in the log. */
export function record(revision: number, ...changes: Change[]): LogRecord {
  const message = create(CommitRecordSchema, {
    revision: BigInt(revision),
    epoch: 1n,
    commitTime: timestampFromMicros(commitTimeUs),
    writer: 'tester',
    changes,
  })
  return new LogRecord(revision, Buffer.from(toBinary(CommitRecordSchema, message)))
}

/** All fields that a commit wrote. */
export function writesOf(of: LogRecord): FieldWrite[] {
  return of.changes.flatMap((change) => [...fieldWrites(of, change)])
}

export function subscription(
  target: { entityId: string } | { entityType: string },
  fields: string[],
  rest: Pick<MessageInitShape<typeof SubscriptionSchema>, 'trigger' | 'context' | 'filter' | 'structure'> = {},
): Subscription {
  const chosen =
    'entityId' in target
      ? { case: 'entityId' as const, value: target.entityId }
      : { case: 'entityType' as const, value: target.entityType }
  return create(SubscriptionSchema, { target: chosen, fields, ...rest })
}
