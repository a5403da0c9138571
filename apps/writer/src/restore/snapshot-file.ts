import { createHash } from 'node:crypto'
import { fromJson, type DescMessage, type JsonValue, type MessageShape } from '@bufbuild/protobuf'
import {
  EntitySchema,
  SnapshotEndSchema,
  SnapshotHeaderSchema,
  TypeSchemaSchema,
  type Entity,
  type SnapshotHeader,
  type TypeSchema,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { LineSplitter } from './line-splitter.ts'

/** The version of the format that can be read. */
const formatVersion = 1

/** A field of a line, as JSON: `value`, `writeTime` and so on are not checked yet. */
export type JsonField = Readonly<Record<string, JsonValue>>

/** What a line says. */
export type SnapshotItem =
  | { readonly kind: 'header'; readonly header: SnapshotHeader }
  | { readonly kind: 'schema'; readonly schema: TypeSchema }
  | { readonly kind: 'entity'; readonly entity: Entity; readonly fields: readonly JsonField[] }
  | { readonly kind: 'fields'; readonly fields: readonly JsonField[] }

/** Where an item is. */
export interface PlacedItem {
  readonly line: number
  readonly item: SnapshotItem
}

/**
 * Reads a snapshot file, and checks that it is whole: the order of its lines, its counts and its digest.
 *
 * @throws QError `invalid_snapshot`, whose `field` names the line
 */
export async function* readSnapshotFile(parts: AsyncIterable<Buffer>): AsyncGenerator<PlacedItem, void> {
  const splitter = new LineSplitter()
  const check = new FileCheck()
  let line = 0
  for await (const part of parts) {
    for (const bytes of splitter.split(part)) {
      line++
      const item = check.take(bytes, line)
      if (item !== undefined) yield { line, item }
    }
  }
  if (!splitter.isAtLineEnd || !check.isEnded) {
    throw new QError('invalid_snapshot', 'the file is cut: it does not end with an end line', {
      field: `line ${line + 1}`,
    })
  }
}

const kinds = ['header', 'schema', 'entity', 'fields', 'end'] as const
type LineKind = (typeof kinds)[number]

/** What may follow on what. */
const followers: Readonly<Record<LineKind | 'start', readonly LineKind[]>> = {
  start: ['header'],
  header: ['schema', 'entity', 'end'],
  schema: ['schema', 'entity', 'end'],
  entity: ['entity', 'fields', 'end'],
  fields: ['entity', 'fields', 'end'],
  end: [],
}

/** Follows a file line by line. */
class FileCheck {
  readonly #hash = createHash('sha256')
  readonly #counts = { schemas: 0, entities: 0, fields: 0 }
  #last: LineKind | 'start' = 'start'

  get isEnded(): boolean {
    return this.#last === 'end'
  }

  /** What a line says; undefined for the end. */
  take(bytes: Buffer, line: number): SnapshotItem | undefined {
    const json = parseLine(bytes, line)
    const kind = kinds.find((each) => json[each] !== undefined)
    if (kind === undefined || Object.keys(json).length > (kind === 'entity' ? 2 : 1)) {
      throw invalid(line, `a line has one of ${kinds.join(', ')}, or an entity with fields`)
    }
    if (!followers[this.#last].includes(kind)) {
      throw invalid(
        line,
        this.#last === 'start' ? 'the first line is no header' : `no ${kind} may follow on ${this.#last}`,
      )
    }
    this.#last = kind
    if (kind === 'end') {
      this.#checkEnd(json['end'], line)
      return undefined
    }
    this.#hash.update(bytes)
    return this.#itemOf(kind, json, line)
  }

  #itemOf(kind: Exclude<LineKind, 'end'>, json: Record<string, JsonValue>, line: number): SnapshotItem {
    switch (kind) {
      case 'header': {
        const header = messageOf(SnapshotHeaderSchema, json['header'], line)
        if (header.formatVersion !== formatVersion) {
          throw invalid(line, `the format of the file is of version ${header.formatVersion}, not ${formatVersion}`)
        }
        return { kind, header }
      }
      case 'schema':
        this.#counts.schemas++
        return { kind, schema: messageOf(TypeSchemaSchema, json['schema'], line) }
      case 'entity':
        this.#counts.entities++
        return { kind, entity: messageOf(EntitySchema, json['entity'], line), fields: this.#fieldsOf(json, line) }
      case 'fields':
        return { kind, fields: this.#fieldsOf(json, line) }
    }
  }

  #fieldsOf({ fields = [] }: Record<string, JsonValue>, line: number): JsonField[] {
    if (!Array.isArray(fields) || !fields.every(isObject)) throw invalid(line, 'fields is no list of fields')
    this.#counts.fields += fields.length
    return fields
  }

  #checkEnd(json: JsonValue | undefined, line: number): void {
    const end = messageOf(SnapshotEndSchema, json, line)
    for (const name of ['schemas', 'entities', 'fields'] as const) {
      const said = end[name]
      const counted = this.#counts[name]
      if (said !== BigInt(counted)) throw invalid(line, `the file has ${counted} ${name}, and should have ${said}`)
    }
    const sha256 = this.#hash.digest('hex')
    if (end.sha256 !== sha256) throw invalid(line, 'the digest is not that of the lines before: the file was changed')
  }
}

function parseLine(bytes: Buffer, line: number): Record<string, JsonValue> {
  let json: JsonValue
  try {
    json = JSON.parse(bytes.toString()) as JsonValue
  } catch (error) {
    throw invalid(line, 'the line is not JSON', error)
  }
  if (!isObject(json)) throw invalid(line, 'the line is no JSON object')
  return json
}

function messageOf<Desc extends DescMessage>(
  schema: Desc,
  json: JsonValue | undefined,
  line: number,
): MessageShape<Desc> {
  try {
    return fromJson(schema, json ?? null)
  } catch (error) {
    throw invalid(line, error instanceof Error ? error.message : String(error), error)
  }
}

function isObject(json: JsonValue): json is Record<string, JsonValue> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function invalid(line: number, message: string, cause?: unknown): QError {
  return new QError('invalid_snapshot', `line ${line}: ${message}`, { field: `line ${line}`, cause })
}
