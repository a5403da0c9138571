import { toBinary } from '@bufbuild/protobuf'
import { FieldResultSchema, ReadFieldsResponseSchema, type FieldRead } from '@qcore/contracts'
import type { EntitySource, PackedField, ReplicaSource } from '@qcore/replica'
import { fieldResult } from './field-result.ts'

/** The first byte of a message that is a field of another one. */
const resultTag = ReadFieldsResponseSchema.field.results.number * 8 + 2
const fieldTag = FieldResultSchema.field.field.number * 8 + 2

/**
 * The results of reads as the bytes of `ReadFieldsResponse.results`: of a field that is named directly, as it is kept in the
 * cache.
 */
export class EncodedResults {
  /** What is in the results, one character a byte. */
  readonly #contents: string[] = []
  /** Whether that is the content of a field; else it is that of the result. */
  readonly #areFields: boolean[] = []
  #size = 0

  /** Adds the result of a read, unless something on the way is not cached. */
  add({ cache, visible }: { cache: ReplicaSource; visible: EntitySource }, read: FieldRead, index: number): void {
    const entity = cache.cached(read.entityId)
    if (entity === undefined) return
    const state = entity.state
    const field = state === null ? undefined : visible.type(state.type)?.fieldsByName.get(read.path)
    const packed = field === undefined ? undefined : state?.packed[field.position]
    if (packed !== undefined) return this.#addField(packed)
    const result = fieldResult(visible, read, index)
    if (result.outcome.case === undefined) return
    const bytes = toBinary(FieldResultSchema, result)
    this.#push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'), false)
    this.#size += sizeWithin(bytes.length)
  }

  /** All of them; undefined if there are none. */
  finish(): Uint8Array | undefined {
    if (this.#size === 0) return undefined
    const out = Buffer.allocUnsafe(this.#size)
    let end = 0
    for (const [index, content] of this.#contents.entries()) {
      out[end++] = resultTag
      if (this.#areFields[index] === true) {
        end = writeVarint(out, sizeWithin(content.length), end)
        out[end++] = fieldTag
      }
      end = writeVarint(out, content.length, end)
      end += out.write(content, end, 'latin1')
    }
    return out
  }

  #addField(packed: PackedField): void {
    this.#push(packed, true)
    this.#size += sizeWithin(sizeWithin(packed.length))
  }

  #push(content: string, isField: boolean): void {
    this.#contents.push(content)
    this.#areFields.push(isField)
  }
}

/** What a message of a length takes as a field of another one. */
function sizeWithin(length: number): number {
  let size = 2 + length
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) size++
  return size
}

function writeVarint(out: Uint8Array, value: number, start: number): number {
  let end = start
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) out[end++] = (rest & 0x7f) | 0x80
  out[end++] = rest
  return end
}
