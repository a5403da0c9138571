import { create } from '@bufbuild/protobuf'
import { StreamEndSchema, type StreamEnd } from '@qcore/contracts'
import type { ErrorCode } from '@qcore/errors'
import { fromConnectError } from '@qcore/transport'
import type { Cursor } from './cursor.ts'

/** After these nobody can go on from where it was. */
const finalCodes: ReadonlySet<ErrorCode> = new Set(['compacted', 'log_replaced'])

/** What is told last: why, and where to resume. An undefined error: as asked. */
export function streamEndOf(error: unknown, cursor?: Cursor): StreamEnd {
  const end = create(StreamEndSchema)
  if (error !== undefined) {
    const { code, message, field, metadata } = fromConnectError(error)
    end.problem = { $typeName: 'qcore.store.v1.Problem', code, message, field }
    end.metadata = { ...metadata }
    if (finalCodes.has(code)) return end
  }
  const position = cursor?.position
  if (position === undefined) return end
  end.resumeAfter = position.revision
  end.logId = position.logId
  return end
}
