/** Field numbers and wire types of protobuf, one after the other. For records that are looked through, not decoded. */
export class WireCursor {
  readonly #bytes: Buffer
  readonly #end: number
  #position: number
  /** The number of the field that `next` moved to. */
  field = 0
  /** Of that field, if it has a length: where its content is. */
  start = 0
  end = 0
  /** Of that field, if it is a varint below 2^53: its value. */
  varint = 0

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#position = start
    this.#end = end
  }

  /** Moves to the next field; false at the end. */
  next(): boolean {
    if (this.#position >= this.#end) return false
    const tag = this.#readVarint()
    this.field = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        this.varint = this.#readVarint()
        return true
      case 1:
        this.#position += 8
        return true
      case 2: {
        const length = this.#readVarint()
        this.start = this.#position
        this.end = this.#position + length
        if (this.end > this.#end) throw new RangeError('a field ends behind its message')
        this.#position = this.end
        return true
      }
      case 5:
        this.#position += 4
        return true
      default:
        throw new RangeError(`wire type ${tag % 8} is not used`)
    }
  }

  /** The field that `next` moved to as ASCII: for ids and names of types. */
  ascii(): string {
    return this.#bytes.toString('latin1', this.start, this.end)
  }

  /** The field that `next` moved to as text. */
  text(): string {
    return this.#bytes.toString('utf8', this.start, this.end)
  }

  #readVarint(): number {
    let value = 0
    let factor = 1
    for (let length = 0; length < 10; length++) {
      const byte = this.#bytes[this.#position++]
      if (byte === undefined) throw new RangeError('a varint ends behind its message')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    throw new RangeError('a varint has more than ten bytes')
  }
}
