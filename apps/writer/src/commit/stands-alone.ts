import type { CommitRequest, Mutation } from '@qcore/contracts'

const alone: ReadonlySet<Mutation['kind']['case']> = new Set(['setSchema', 'alterType', 'deleteType', 'moveEntity'])

/**
 * Whether a commit has a group of its own: it changes what is known of entities that are not loaded, so that what is loaded
 * for others at the same time would not be true; or it binds a schedule to fields, which those after it may write.
 */
export function standsAlone({ mutations }: CommitRequest): boolean {
  return mutations.some(
    ({ kind }) => alone.has(kind.case) || (kind.case === 'putSchedule' && kind.value.bindings !== undefined),
  )
}
