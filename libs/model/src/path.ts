import { QError } from '@qcore/errors'
import { limits } from './limits.ts'

/** A path in parts: the steps to follow, and the field at the end. */
export interface FieldPath {
  readonly steps: readonly string[]
  readonly field: string
}

/**
 * Takes `A->B->Field` apart.
 *
 * @param field what to name in an error
 * @throws QError `invalid_path`
 */
export function parsePath(path: string, field: string): FieldPath {
  if (!path.includes('->')) return { steps: [], field: checkedPart(path, path, field) }
  const parts = path.split('->')
  for (const part of parts) checkedPart(part, path, field)
  if (parts.length > limits.pathSteps) {
    throw new QError('invalid_path', `the path ${path} has more than ${limits.pathSteps} steps`, { field })
  }
  return { steps: parts.slice(0, -1), field: parts.at(-1) ?? '' }
}

function checkedPart(part: string, path: string, field: string): string {
  if (part === '' || part.trim() !== part) {
    throw new QError('invalid_path', `the path ${JSON.stringify(path)} has an empty or padded step`, { field })
  }
  return part
}
