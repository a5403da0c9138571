import type { HandlerContext } from '@connectrpc/connect'
import { callerOf, grantsOf } from '@qcore/access'
import { QError } from '@qcore/errors'
import { visiblePastType, type Grants, type TypeModel } from '@qcore/model'
import type { TypeSource } from '@qcore/query'
import { visibleSource, type EntitySource, type TypeRegistry } from '@qcore/replica'
import type { ReaderContext } from './context.ts'

/** What the caller of a method may see of the store. */
export interface View {
  readonly grants: Grants
  /** The source without what the caller may not see. */
  of<Source extends EntitySource>(source: Source): Source | EntitySource
  /** The type without the fields that the caller may not see; undefined if it may not see the type. */
  type(name: string): TypeModel | undefined
  /** All types as the caller may see them at this moment. */
  types(): TypeSource
  /** The names of the types that the caller may not see. */
  hiddenTypes(): readonly string[]
}

/**
 * The view of a caller, by the permissions that the schemas ask for now.
 *
 * @param present the types as they are now
 * @param types the types of the moment that is read; what they asked for then counts as well
 */
export function viewOf(call: HandlerContext, present: TypeRegistry, types: TypeRegistry = present): View {
  const grants = grantsOf(callerOf(call))
  const isRestricted = !grants.hasAll && (present.isRestricted || types.isRestricted)
  const restrictions = { get: (name: string) => present.get(name), isRestricted }
  const type = (name: string): TypeModel | undefined => {
    const model = types.get(name)
    return model === undefined ? undefined : visiblePastType(model, present.get(name), grants)
  }
  const hiddenTypes = (): string[] => (isRestricted ? types.names.filter((name) => type(name) === undefined) : [])
  return {
    grants,
    of: (source) => visibleSource(source, restrictions, grants),
    type,
    types: () => (isRestricted ? visibleTypes(types, type, hiddenTypes()) : types.snapshot()),
    hiddenTypes,
  }
}

/** The types as a caller may see them at this moment. */
function visibleTypes(
  { names }: TypeRegistry,
  typeOf: (name: string) => TypeModel | undefined,
  hidden: readonly string[],
): TypeSource {
  const models = new Map(names.flatMap((name) => (hidden.includes(name) ? [] : [[name, typeOf(name)] as const])))
  return { names: [...models.keys()], hidden, get: (name) => models.get(name) }
}

/**
 * What was found may be of a newer revision than the types that it was looked for with: since then, fields may have become
 * others, and what the caller may see less.
 *
 * @throws QError `unavailable`
 */
export async function assertSameView(
  { replica }: Pick<ReaderContext, 'replica'>,
  before: TypeSource,
  call: HandlerContext,
): Promise<void> {
  const now = await replica.read((_source, types) => viewOf(call, types).types(), call)
  if (now === before) return
  const isSame =
    now.names.length === before.names.length && now.names.every((name) => now.get(name) === before.get(name))
  if (!isSame) throw new QError('unavailable', 'the schema changed meanwhile; ask again')
}
