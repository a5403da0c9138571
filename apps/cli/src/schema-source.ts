import type { ChildOrder, FieldDefinition, FieldType, Permissions, TypedFieldValue } from '@qcore/client'

/** A field as it is written out. */
export interface SourceField extends FieldDefinition {
  /** The type that a reference or a list leads to; empty if that is not said. The store does not know it. */
  readonly to: string
}

/** A type as it is written out. */
export interface SourceType {
  readonly type: string
  readonly description: string
  readonly uniqueChildNames: boolean
  readonly childOrder: ChildOrder
  readonly permissions: Permissions
  readonly fields: Readonly<Record<string, SourceField>>
}

/** The function of `@qcore/client/schema` that makes a field. */
const functionOfType: Readonly<Record<FieldType, string>> = {
  Int: 'int',
  Float: 'float',
  String: 'text',
  Bool: 'bool',
  BinaryFile: 'file',
  EntityReference: 'reference',
  Timestamp: 'timestamp',
  Choice: 'choice',
  EntityList: 'list',
  Transformation: 'transformation',
}

const reservedWords = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum eval export extends false ' +
    'finally for function if implements import in instanceof interface let new null package private protected public ' +
    'return static super switch this throw true try typeof undefined var void while with yield'
  ).split(' '),
)

/** Types as a TypeScript module, ordered by name: the same text for the same types. */
export function sourceOfTypes(types: readonly SourceType[]): string {
  const ordered = types.toSorted((one, other) => (one.type < other.type ? -1 : 1))
  const body = ordered.map((type) => type.fields)
  const used = new Set(body.flatMap((fields) => Object.values(fields).map(({ type }) => functionOfType[type])))
  if (body.some((fields) => Object.values(fields).some(isDatedDefault))) used.add('Timestamp')
  if (types.length > 0) used.add('defineType')
  const imports = [...used].sort()
  const taken = new Set([...reservedWords, ...imports])
  const parts = ordered.map((type) => sourceOfType(type, freeName(type.type, taken)))
  const head = '// Written by `qcore schema pull`: what the store has.\n'
  const importLine = imports.length === 0 ? '' : `import { ${imports.join(', ')} } from '@qcore/client/schema'\n`
  return [`${head}${importLine}`, ...parts].join('\n')
}

/** A name for the constant of a type, that no other one has. */
function freeName(type: string, taken: Set<string>): string {
  let name = type
  while (taken.has(name)) name += '_'
  taken.add(name)
  return name
}

function sourceOfType(source: SourceType, name: string): string {
  const { type, description, uniqueChildNames, childOrder, permissions, fields } = source
  const lines = Object.entries(fields).map(
    ([field, definition], index) => `  ${field}: ${sourceOfField(definition, index)},\n`,
  )
  const members = lines.length === 0 ? '{}' : `{\n${lines.join('')}}`
  const options = [
    ...(uniqueChildNames ? ['uniqueChildNames: true'] : []),
    ...(childOrder === 'name' ? [] : [`childOrder: ${quoted(childOrder)}`]),
    ...sourceOfPermissions(permissions),
    ...(description === '' ? [] : [`description: ${quoted(description)}`]),
  ]
  const given = options.length === 0 ? '' : `, { ${options.join(', ')} }`
  return `export const ${name} = defineType(${quoted(type)}, ${members}${given})\n`
}

function sourceOfField(field: SourceField, index: number): string {
  const options = [
    ...(field.to === '' ? [] : [`to: ${quoted(field.to)}`]),
    ...(isNaturalDefault(field) ? [] : [`default: ${sourceOfDefault(field)}`]),
    ...(field.rank === index ? [] : [`rank: ${field.rank}`]),
    ...(field.unindexed ? ['unindexed: true'] : []),
    ...sourceOfPermissions(field.permissions),
    ...(field.description === '' ? [] : [`description: ${quoted(field.description)}`]),
  ]
  const make = functionOfType[field.type]
  const choices = field.choices.map(quoted).join(', ')
  if (options.length === 0) return `${make}(${choices})`
  if (field.to !== '' && options.length === 1) return `${make}(${quoted(field.to)})`
  const given = `{ ${options.join(', ')} }`
  return field.type === 'Choice' ? `${make}([${choices}], ${given})` : `${make}(${given})`
}

function sourceOfPermissions({ read, write }: Permissions): string[] {
  const parts = [
    ...(read.length === 0 ? [] : [`read: [${read.map(quoted).join(', ')}]`]),
    ...(write.length === 0 ? [] : [`write: [${write.map(quoted).join(', ')}]`]),
  ]
  return parts.length === 0 ? [] : [`permissions: { ${parts.join(', ')} }`]
}

function isDatedDefault(field: SourceField): boolean {
  return field.type === 'Timestamp' && !isNaturalDefault(field)
}

/** Whether the store would take this default without being told. */
function isNaturalDefault(field: SourceField): boolean {
  const { type, value } = defaultOf(field)
  switch (type) {
    case 'Int':
      return value === 0n
    case 'Float':
      return Object.is(value, 0)
    case 'Bool':
      return !value
    case 'Choice':
      return value === field.choices[0]
    case 'Timestamp':
      return value.micros === 0n
    case 'EntityList':
      return value.length === 0
    case 'BinaryFile':
      return value.mediaType === '' && value.content.length === 0
    case 'String':
    case 'EntityReference':
    case 'Transformation':
      return value === ''
    default:
      return type satisfies never
  }
}

function sourceOfDefault(field: SourceField): string {
  const { type, value } = defaultOf(field)
  switch (type) {
    case 'Int':
      return `${value}n`
    case 'Float':
      return sourceOfFloat(value)
    case 'Timestamp':
      return `Timestamp.parse(${quoted(value.toString())})`
    case 'EntityList':
      return `[${value.map(quoted).join(', ')}]`
    case 'BinaryFile':
      return `{ mediaType: ${quoted(value.mediaType)}, content: new Uint8Array([${value.content.join(', ')}]) }`
    case 'Bool':
      return String(value)
    default:
      return quoted(value)
  }
}

function defaultOf({ type, default: value }: SourceField): TypedFieldValue {
  return { type, value } as TypedFieldValue
}

function sourceOfFloat(value: number): string {
  if (Number.isNaN(value)) return 'Number.NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Number.POSITIVE_INFINITY' : 'Number.NEGATIVE_INFINITY'
  return Object.is(value, -0) ? '-0' : String(value)
}

/** A text in single quotes. */
function quoted(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}
