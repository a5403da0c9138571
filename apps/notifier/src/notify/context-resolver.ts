import type { ContextField } from '@qcore/contracts'
import type { FieldPath, Grants } from '@qcore/model'
import type { EntitySource } from '@qcore/replica'
import type { SeenTypes } from './seen-types.ts'

/** Reads context fields as they were right after one revision, of what a caller may see. */
export interface ContextResolver extends SeenTypes {
  /** At once if all that the path leads over is at hand. What cannot be read is a problem, never a rejection. */
  resolve(entityId: string, path: FieldPath, grants: Grants): ContextField | Promise<ContextField>
}

/** Reads entities as well. */
export interface RevisionReader extends ContextResolver {
  /**
   * Runs a reading of entities as they were right after the revision; it is undefined as long as something is not at hand.
   * At once if all is.
   */
  read<T>(attempt: (source: EntitySource) => T | undefined): T | Promise<T>
}
