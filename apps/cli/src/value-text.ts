import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { QError, Timestamp, TypedValue, type Client, type FieldType, type TypedFieldValue } from '@qcore/client'
import { entityId } from './entity-path.ts'
import { printable } from './printable.ts'

/** A value for people. */
export function textOfValue(field: TypedFieldValue): string {
  switch (field.type) {
    case 'BinaryFile':
      return `<${field.value.mediaType || 'application/octet-stream'}, ${field.value.content.length} bytes>`
    case 'EntityList':
      return field.value.join(',')
    default:
      return printable(String(field.value))
  }
}

/** A value for programs: as the gateway writes it, an Int as a string so that no digit is lost. */
export function jsonOfValue(field: TypedFieldValue): unknown {
  switch (field.type) {
    case 'Int':
    case 'Timestamp':
      return String(field.value)
    case 'Float':
      return Number.isFinite(field.value) ? field.value : String(field.value)
    case 'BinaryFile':
      return { mediaType: field.value.mediaType, content: Buffer.from(field.value.content).toString('base64') }
    default:
      return field.value
  }
}

/** Where the values of the command line are looked up. */
export interface ValueContext {
  readonly q: Client
  /** The folder that files are named from. */
  readonly folder: string
}

/**
 * A value of the command line, for a field of a type. References may be paths, files are `@name`.
 *
 * @throws QError `type_mismatch`, `value_out_of_range`, and those of looking up a path
 */
export async function parseValue(
  { q, folder }: ValueContext,
  { type, text, field }: { type: FieldType; text: string; field: string },
): Promise<TypedValue> {
  const refuse = (wanted: string): QError =>
    new QError('type_mismatch', `the field is of type ${type}: ${JSON.stringify(text)} is not ${wanted}`, { field })
  switch (type) {
    case 'Int':
      if (!/^[+-]?\d+$/.test(text.trim())) throw refuse('a whole number')
      return new TypedValue(type, BigInt(text))
    case 'Float':
      if (text.trim() === '' || (Number.isNaN(Number(text)) && text !== 'NaN')) throw refuse('a number')
      return new TypedValue(type, Number(text))
    case 'Bool':
      if (text !== 'true' && text !== 'false') throw refuse('true or false')
      return new TypedValue(type, text === 'true')
    case 'Timestamp':
      return new TypedValue(type, text === 'now' ? Timestamp.now() : Timestamp.parse(text))
    case 'EntityReference':
      return new TypedValue(type, await entityId(q, text))
    case 'EntityList':
      return new TypedValue(
        type,
        await Promise.all(
          text
            .split(',')
            .filter(Boolean)
            .map((id) => entityId(q, id)),
        ),
      )
    case 'BinaryFile':
      if (!text.startsWith('@')) throw refuse('a file, written as @name')
      return new TypedValue(type, await readFile(path.resolve(folder, text.slice(1))))
    default:
      return new TypedValue(type, text)
  }
}
