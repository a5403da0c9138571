import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  DatabaseEntitySchema$ as DatabaseEntityDescriptor,
  DatabaseFieldSchema$ as DatabaseFieldDescriptor,
} from '@qcore/contracts/legacy/protobufs'
import type { SnapshotField } from '../snapshot/qlib-snapshot.ts'
import type { TreeEntity } from '../store/entities.ts'

/** An entity as the first clients have it. */
export function webEntity({
  id,
  type,
  name,
  parentId,
  childIds,
}: TreeEntity): MessageInitShape<typeof DatabaseEntityDescriptor> {
  return { id, type, name, parent: { raw: parentId }, children: childIds.map((raw) => ({ raw })) }
}

/** A field of a snapshot. */
export function webField({
  id,
  name,
  value,
  writeTime,
  writerId,
}: SnapshotField): MessageInitShape<typeof DatabaseFieldDescriptor> {
  return { id, name, writerId, ...(value && { value }), ...(writeTime && { writeTime }) }
}
