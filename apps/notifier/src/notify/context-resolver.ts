import type { ContextField } from '@qcore/contracts'
import type { FieldPath } from '@qcore/model'

/** Reads context fields as they were right after one revision. */
export interface ContextResolver {
  /** At once if all that the path leads over is at hand. What cannot be read is a problem, never a rejection. */
  resolve(entityId: string, path: FieldPath): ContextField | Promise<ContextField>
}
