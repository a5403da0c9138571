/** The types that an array parameter can have, with their OIDs in PostgreSQL. */
const elementOids = { bytea: 17, int8: 20, int4: 23, text: 25, float8: 701 } as const

export type ElementType = keyof typeof elementOids

/** Bytes before the first element: dimensions, null flag, OID, length, lower bound. */
const headerBytes = 20
const firstCapacityBytes = 1_024
/** Up to this length a loop is quicker than a call into Node. */
const loopedLength = 64
/** A buffer that grew beyond this is given back when it is reset. */
const keptCapacityBytes = 4_194_304

/**
 * An array parameter in PostgreSQL's binary format. pg sends a Buffer as it is, which saves the text form of every
 * element, its escaping and its parsing. Elements must be added with the method of the array's type.
 */
export class ArrayParameter {
  readonly #oid: number
  #bytes = Buffer.allocUnsafe(firstCapacityBytes)
  #end = headerBytes
  #length = 0
  #nulls = 0

  constructor(type: ElementType) {
    this.#oid = elementOids[type]
  }

  /** The number of elements. */
  get length(): number {
    return this.#length
  }

  /** Whether no element has a value. */
  get isNull(): boolean {
    return this.#nulls === this.#length
  }

  addNull(): void {
    this.#reserve(4)
    this.#writeInt4(-1)
    this.#nulls++
    this.#length++
  }

  addInt4(value: number): void {
    this.#reserve(8)
    this.#writeInt4(4)
    this.#writeInt4(value)
    this.#length++
  }

  addInt8(value: number | bigint): void {
    this.#reserve(12)
    this.#writeInt4(8)
    if (typeof value === 'bigint') {
      this.#end = this.#bytes.writeBigInt64BE(value, this.#end)
    } else {
      this.#writeInt4(Math.floor(value / 0x1_0000_0000))
      this.#writeInt4(value)
    }
    this.#length++
  }

  addFloat8(value: number): void {
    this.#reserve(12)
    this.#writeInt4(8)
    this.#end = this.#bytes.writeDoubleBE(value, this.#end)
    this.#length++
  }

  addText(value: string): void {
    this.#reserve(4 + value.length * 3)
    if (value.length > loopedLength || !this.#copied(value, 0x7f)) {
      const written = this.#bytes.write(value, this.#end + 4)
      this.#writeInt4(written)
      this.#end += written
    }
    this.#length++
  }

  addBytes(value: Uint8Array): void {
    this.#reserve(4 + value.length)
    this.#writeInt4(value.length)
    const bytes = this.#bytes
    const end = this.#end
    if (value.length > loopedLength) bytes.set(value, end)
    else for (let index = 0; index < value.length; index++) bytes[end + index] = value[index] ?? 0
    this.#end = end + value.length
    this.#length++
  }

  /** Bytes as text, a character each. */
  addLatin1(value: string): void {
    this.#reserve(4 + value.length)
    if (value.length > loopedLength || !this.#copied(value, 0xff)) {
      this.#writeInt4(value.length)
      this.#end += this.#bytes.write(value, this.#end, 'latin1')
    }
    this.#length++
  }

  /** Writes a text a byte a character; false, and nothing, if one is greater than `most`. */
  #copied(value: string, most: number): boolean {
    const bytes = this.#bytes
    const start = this.#end + 4
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index)
      if (code > most) return false
      bytes[start + index] = code
    }
    this.#writeInt4(value.length)
    this.#end += value.length
    return true
  }

  /** The parameter. It is overwritten by what is added after the next `reset`. */
  finish(): Buffer {
    const end = this.#end
    this.#end = 0
    this.#writeInt4(1)
    this.#writeInt4(this.#nulls > 0 ? 1 : 0)
    this.#writeInt4(this.#oid)
    this.#writeInt4(this.#length)
    this.#writeInt4(1)
    this.#end = end
    return this.#bytes.subarray(0, end)
  }

  /** The first element as a parameter of the element's type; null if it is null. It is overwritten likewise. */
  finishSingle(): Buffer | null {
    const length = this.#bytes.readInt32BE(headerBytes)
    const start = headerBytes + 4
    return length < 0 ? null : this.#bytes.subarray(start, start + length)
  }

  /** Empties the array. */
  reset(): void {
    if (this.#bytes.length > keptCapacityBytes) this.#bytes = Buffer.allocUnsafe(firstCapacityBytes)
    this.#end = headerBytes
    this.#length = 0
    this.#nulls = 0
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#end + bytes))
    this.#bytes.copy(grown, 0, 0, this.#end)
    this.#bytes = grown
  }

  #writeInt4(value: number): void {
    const bytes = this.#bytes
    const end = this.#end
    bytes[end] = value >>> 24
    bytes[end + 1] = value >>> 16
    bytes[end + 2] = value >>> 8
    bytes[end + 3] = value
    this.#end = end + 4
  }
}
