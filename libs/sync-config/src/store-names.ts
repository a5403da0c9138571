import { QError } from '@qcore/errors'

/** On which changes are announced, unless an option says otherwise. */
export const configChannel = 'config_changes'
/** What the table of a platform's store is called. */
export const platformTable = 'config'

/** PostgreSQL cuts longer identifiers. */
const identifierBytes = 63
const suffixes = [
  'head',
  'change',
  'instance',
  'commit',
  'apply',
  'next',
  'lock',
  'stamp',
  'record',
  'truncate',
  'digest',
  'history',
] as const

type Suffix = (typeof suffixes)[number]

/** A table's name leaves room for those of the tables and functions beside it. */
const tableNameBytes = identifierBytes - 1 - Math.max(...suffixes.map((suffix) => suffix.length))

/** What the parts of a store are called in SQL, quoted and with their schema. */
export interface StoreNames {
  readonly schema: string
  /** As it is written in the catalogue. */
  readonly schemaName: string
  readonly tableName: string
  /** The table of the values, which plain SQL may change. */
  readonly table: string
  /** A table, function or index that belongs to the store; an index is named without its schema. */
  of(suffix: Suffix): string
  index(suffix: Suffix): string
}

/** @throws QError `configuration` that names the option */
export function storeNames(schema: string, tableName: string): StoreNames {
  checkIdentifier('schema', schema, identifierBytes)
  checkIdentifier('tableName', tableName, tableNameBytes)
  const inSchema = (name: string): string => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`
  return {
    schema: quoteIdentifier(schema),
    schemaName: schema,
    tableName,
    table: inSchema(tableName),
    of: (suffix) => inSchema(`${tableName}_${suffix}`),
    index: (suffix) => quoteIdentifier(`${tableName}_${suffix}`),
  }
}

/** The configuration of a platform's store: the table `config` in the schema of the store. */
export function platformNames(store: string): StoreNames {
  return storeNames(store, platformTable)
}

/** @throws QError `configuration` */
export function checkChannel(channel: string): void {
  checkIdentifier('channel', channel, identifierBytes)
}

function checkIdentifier(field: string, name: string, mostBytes: number): void {
  const bytes = Buffer.byteLength(name)
  if (bytes === 0 || bytes > mostBytes || name.includes('\0') || !name.isWellFormed()) {
    throw new QError('configuration', `${field}: a name of 1 to ${mostBytes} bytes is needed, without NUL`, { field })
  }
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A string as SQL text, for statements that take no parameters. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted
}
