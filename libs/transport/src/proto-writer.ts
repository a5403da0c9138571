const firstCapacityBytes = 4_096
/** A buffer that grew beyond this is given back when it is reset. */
const keptCapacityBytes = 8_388_608
/** Text up to this length is written by a loop, which is quicker than a call into Node. */
const loopedTextLength = 64

const wireVarint = 0
const wireFixed64 = 1
const wireBytes = 2

/**
 * Writes protobuf messages straight into one growing buffer: the log's records, without an object for every message.
 * Field numbers are below 16, but for messages. Meant to be filled again and again.
 */
export class ProtoWriter {
  #bytes = Buffer.allocUnsafe(firstCapacityBytes)
  #end = 0

  /** The bytes written. */
  get length(): number {
    return this.#end
  }

  /** What was written between two lengths. Valid until the next write. */
  slice(start: number, end: number): Buffer {
    return this.#bytes.subarray(start, end)
  }

  /** Forgets what was written after a length. */
  rewind(length = 0): void {
    this.#end = length
    if (length === 0 && this.#bytes.length > keptCapacityBytes) this.#bytes = Buffer.allocUnsafe(firstCapacityBytes)
  }

  /** An unsigned integer below 2^53; 0 is left out. */
  uint(field: number, value: number): void {
    if (value === 0) return
    this.#reserve(11)
    this.#bytes[this.#end++] = (field << 3) | wireVarint
    this.#varint(value)
  }

  /** An int64, written even if it is 0. */
  int64(field: number, value: bigint): void {
    this.#reserve(11)
    this.#bytes[this.#end++] = (field << 3) | wireVarint
    if (value >= 0n && value <= Number.MAX_SAFE_INTEGER) {
      this.#varint(Number(value))
      return
    }
    let rest = BigInt.asUintN(64, value)
    while (rest > 127n) {
      this.#bytes[this.#end++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.#bytes[this.#end++] = Number(rest)
  }

  /** A double, written even if it is 0. */
  double(field: number, value: number): void {
    this.#reserve(9)
    this.#bytes[this.#end++] = (field << 3) | wireFixed64
    this.#end = this.#bytes.writeDoubleLE(value, this.#end)
  }

  /** A bool, written even if it is false. */
  bool(field: number, value: boolean): void {
    this.#reserve(2)
    this.#bytes[this.#end++] = (field << 3) | wireVarint
    this.#bytes[this.#end++] = value ? 1 : 0
  }

  /** Text, written even if it is empty. */
  text(field: number, value: string): void {
    const start = this.begin(field)
    this.#reserve(value.length * 3)
    if (value.length > loopedTextLength || !this.#ascii(value)) {
      this.#end = start + 1 + this.#bytes.write(value, start + 1)
    }
    this.finish(start)
  }

  /** Bytes, written even if there are none. */
  binary(field: number, value: Uint8Array): void {
    this.#reserve(11 + value.length)
    this.#bytes[this.#end++] = (field << 3) | wireBytes
    this.#varint(value.length)
    this.#bytes.set(value, this.#end)
    this.#end += value.length
  }

  /** Begins a message that is a field of the present one. Returns what `finish` needs. */
  begin(field: number): number {
    this.#reserve(3)
    this.#varint((field << 3) | wireBytes)
    return this.#end++
  }

  /** Ends a message: its length goes before it, which moves it if the length takes more than a byte. */
  finish(start: number): void {
    const length = this.#end - start - 1
    if (length > 127) {
      const more = varintBytes(length) - 1
      this.#reserve(more)
      this.#bytes.copyWithin(start + 1 + more, start + 1, this.#end)
      this.#end = start
      this.#varint(length)
      this.#end += length
    } else {
      this.#bytes[start] = length
    }
  }

  /** Returns false, with the end anywhere, if the text is not all ASCII. */
  #ascii(value: string): boolean {
    const bytes = this.#bytes
    let end = this.#end
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index)
      if (code > 127) return false
      bytes[end++] = code
    }
    this.#end = end
    return true
  }

  #varint(value: number): void {
    let rest = value
    while (rest > 0x7fff_ffff) {
      this.#bytes[this.#end++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    while (rest > 127) {
      this.#bytes[this.#end++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.#bytes[this.#end++] = rest
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#end + bytes))
    this.#bytes.copy(grown, 0, 0, this.#end)
    this.#bytes = grown
  }
}

function varintBytes(value: number): number {
  let count = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) count++
  return count
}
