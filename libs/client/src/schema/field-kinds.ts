import type { FieldType } from '../values/field-type.ts'
import type { Timestamp } from '../values/timestamp.ts'
import type { BinaryFile } from '../values/value-input.ts'
import type { Permissions } from './schema.ts'

/** What can be said of any field. */
export interface FieldOptions<Value> {
  /** The value of a new entity's field when none is given. */
  readonly default?: Value
  /** Where the field stands among the others, ascending. Default: its position. */
  readonly rank?: number
  /** True: writes cost less, and the field cannot be searched for. */
  readonly unindexed?: boolean
  readonly description?: string
  /** Beyond what the type asks for. Default: as it is; of a new field: nothing. */
  readonly permissions?: Partial<Permissions>
}

/** What can be said of a reference or a list. */
export interface LinkOptions<Value> extends FieldOptions<Value> {
  /** The type that it leads to. For the compiler: the store takes any. */
  readonly to?: string
}

type Kind<Type extends FieldType, Options> = Options & { readonly type: Type }

export function int<const Options extends FieldOptions<bigint | number> = FieldOptions<bigint | number>>(
  options?: Options,
): Kind<'Int', Options> {
  return kind('Int', options)
}

export function float<const Options extends FieldOptions<number> = FieldOptions<number>>(
  options?: Options,
): Kind<'Float', Options> {
  return kind('Float', options)
}

/** A String. */
export function text<const Options extends FieldOptions<string> = FieldOptions<string>>(
  options?: Options,
): Kind<'String', Options> {
  return kind('String', options)
}

export function bool<const Options extends FieldOptions<boolean> = FieldOptions<boolean>>(
  options?: Options,
): Kind<'Bool', Options> {
  return kind('Bool', options)
}

/** A BinaryFile. */
export function file<
  const Options extends FieldOptions<BinaryFile | Uint8Array> = FieldOptions<BinaryFile | Uint8Array>,
>(options?: Options): Kind<'BinaryFile', Options> {
  return kind('BinaryFile', options)
}

export function timestamp<const Options extends FieldOptions<Timestamp | Date> = FieldOptions<Timestamp | Date>>(
  options?: Options,
): Kind<'Timestamp', Options> {
  return kind('Timestamp', options)
}

/** A Transformation: the default is an expression. */
export function transformation<const Options extends FieldOptions<string> = FieldOptions<string>>(
  options?: Options,
): Kind<'Transformation', Options> {
  return kind('Transformation', options)
}

/** A Choice of these options: `choice('OFF', 'ON')`, or `choice(['OFF', 'ON'], { default: 'ON' })`. */
export function choice<const Option extends string>(
  ...options: readonly [Option, ...Option[]]
): { readonly type: 'Choice'; readonly choices: readonly Option[] }
export function choice<
  const Option extends string,
  const Options extends FieldOptions<NoInfer<Option>> = FieldOptions<NoInfer<Option>>,
>(choices: readonly Option[], options?: Options): Kind<'Choice', Options> & { readonly choices: readonly Option[] }
export function choice(
  first: string | readonly string[],
  ...rest: readonly (string | FieldOptions<string> | undefined)[]
): unknown {
  if (typeof first === 'string') return { type: 'Choice', choices: [first, ...rest] }
  const [options] = rest
  return { ...(typeof options === 'object' ? options : {}), type: 'Choice', choices: first }
}

/** An EntityReference: to any entity, or to those of a type by its name. */
export function reference<const Target extends string>(
  target: Target,
): { readonly type: 'EntityReference'; readonly to: Target }
export function reference<const Options extends LinkOptions<string> = LinkOptions<string>>(
  options?: Options,
): Kind<'EntityReference', Options>
export function reference(target?: string | LinkOptions<string>): unknown {
  return link('EntityReference', target)
}

/** An EntityList: of any entities, or of those of a type by its name. */
export function list<const Target extends string>(target: Target): { readonly type: 'EntityList'; readonly to: Target }
export function list<const Options extends LinkOptions<readonly string[]> = LinkOptions<readonly string[]>>(
  options?: Options,
): Kind<'EntityList', Options>
export function list(target?: string | LinkOptions<readonly string[]>): unknown {
  return link('EntityList', target)
}

function kind<Type extends FieldType, Options>(type: Type, options: Options | undefined): Kind<Type, Options> {
  return { ...options, type } as Kind<Type, Options>
}

function link(type: FieldType, target: string | object | undefined): unknown {
  return typeof target === 'string' ? { type, to: target } : { ...target, type }
}
