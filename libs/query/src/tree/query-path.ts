import { QError } from '@qcore/errors'
import { limits, parsePath } from '@qcore/model'

const namePattern = /^[A-Za-z][A-Za-z0-9_]{0,62}$/
const indexPattern = /^(0|[1-9]\d{0,8})$/

/** The most characters of a path. */
const pathLength = 1_024

/** A step of a path: to the entity that a field refers to, or to the one at an index of a list. */
export interface QueryStep {
  readonly name: string
  readonly index: number | undefined
}

/** A path in parts. */
export interface QueryPath {
  readonly steps: readonly QueryStep[]
  /** The field at the end. */
  readonly end: string
}

/** Whether a text is the name of a type or a field. */
export function isName(text: string): boolean {
  return namePattern.test(text)
}

/**
 * Takes a path apart.
 *
 * @param field what to name in an error
 * @throws QError `invalid_path`
 */
export function parseQueryPath(path: string, field: string): QueryPath {
  const refuse = (reason: string): QError =>
    new QError('invalid_path', `the path ${JSON.stringify(path)} ${reason}`, { field })
  if (path.length > pathLength)
    throw new QError('invalid_path', `a path has at most ${pathLength} characters`, { field })
  const parts = parsePath(path, field)
  const steps: QueryStep[] = []
  for (const part of parts.steps) {
    const last = steps.at(-1)
    if (indexPattern.test(part)) {
      if (last === undefined || last.index !== undefined) throw refuse(`has the index ${part} without a list before it`)
      steps[steps.length - 1] = { name: last.name, index: Number(part) }
    } else if (isName(part)) steps.push({ name: part, index: undefined })
    else throw refuse(`has the step ${JSON.stringify(part)}: a query follows fields and Parent, not names of entities`)
  }
  if (!isName(parts.field)) throw refuse(`does not end in the name of a field`)
  if (parts.steps.length >= limits.pathSteps) throw refuse(`has more than ${limits.pathSteps} parts`)
  return { steps, end: parts.field }
}
