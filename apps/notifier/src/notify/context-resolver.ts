import type { ContextField } from '@qcore/contracts'
import type { FieldPath, Grants } from '@qcore/model'
import type { SeenTypes } from './seen-types.ts'

/** Reads context fields as they were right after one revision, of what a caller may see. */
export interface ContextResolver extends SeenTypes {
  /** At once if all that the path leads over is at hand. What cannot be read is a problem, never a rejection. */
  resolve(entityId: string, path: FieldPath, grants: Grants): ContextField | Promise<ContextField>
}
