import { create, clone, fromBinary, toBinary } from '@bufbuild/protobuf'
import { permissionNames, type Claims } from '@qcore/access'
import { AccessLevel, PutMode, PutScheduleSchema, type PutSchedule } from '@qcore/contracts'

/**
 * What is kept of a schedule as it was put, for everybody to read: without its id and its secret, and what was said of the
 * put alone. What it writes is written with the permissions of the caller.
 */
export function definitionOf(
  schedule: PutSchedule,
  { hasSecret, caller }: { hasSecret: boolean; caller: Pick<Claims, 'level' | 'scopes'> },
): Uint8Array {
  const kept = clone(PutScheduleSchema, schedule)
  kept.id = ''
  kept.mode = PutMode.UNSPECIFIED
  kept.expectedRevision = 0n
  delete kept.paused
  if (kept.metadata === '') kept.metadata = '{}'
  const kind = kept.action?.kind
  if (kind?.case === 'webhook') {
    delete kind.value.secret
    kind.value.hasSecret = hasSecret
  } else if (kind?.case === 'writeFields') {
    kind.value.isAdmin = caller.level >= AccessLevel.ADMIN
    kind.value.permissions = kind.value.isAdmin ? [] : permissionNames(caller)
  } else if (kind?.case === 'emitEvent' && kind.value.payload === '') kind.value.payload = '{}'
  return toBinary(PutScheduleSchema, kept)
}

/** The definition that is kept of a schedule. */
export function readDefinition(bytes: Uint8Array): PutSchedule {
  return bytes.length === 0 ? create(PutScheduleSchema) : fromBinary(PutScheduleSchema, bytes)
}
