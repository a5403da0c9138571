import type { Timestamp as TimestampMessage } from '@bufbuild/protobuf/wkt'
import type { NewField } from '../store/set-schema.ts'
import type { AnyValue } from '../value/wire-value.ts'

/** A store as qlib's snapshots hold it, in both dialects. */
export interface QlibSnapshot {
  readonly schemas: readonly { readonly name: string; readonly fields: readonly NewField[] }[]
  readonly entities: readonly SnapshotEntity[]
  readonly fields: readonly SnapshotField[]
}

export interface SnapshotEntity {
  readonly id: string
  readonly type: string
  readonly name: string
  /** Empty: none. */
  readonly parentId: string
}

export interface SnapshotField {
  /** The entity. */
  readonly id: string
  readonly name: string
  readonly value?: AnyValue | undefined
  readonly writeTime?: TimestampMessage | undefined
  readonly writerId: string
}
