import type { ContextField } from '@qcore/contracts'
import type { FieldPath, Grants } from '@qcore/model'
import type { FieldWrite } from '../match/field-write.ts'

/** Reads context fields as they were right after one revision, of what a caller may see. */
export interface ContextResolver {
  /** At once if all that the path leads over is at hand. What cannot be read is a problem, never a rejection. */
  resolve(entityId: string, path: FieldPath, grants: Grants): ContextField | Promise<ContextField>
  /** Whether a caller may see the field of a write. */
  isVisible(write: FieldWrite, grants: Grants): boolean
}
