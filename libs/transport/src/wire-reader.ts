/** Longer texts are decoded by the platform, which costs some 120 ns however short they are. */
const longestShortText = 12
/** What the platform puts in the place of bytes that are no UTF-8. */
const replacement = '\ufffd'
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads what the usual messages consist of. Whatever is not usual, or not whole, sets `isUnusual`; what is read after
 * that means nothing.
 */
export class WireReader {
  position = 0
  readonly end: number
  isUnusual = false
  readonly #bytes: Uint8Array
  #buffer: Buffer | undefined
  #view: DataView | undefined
  readonly #lastTexts: string[] = []

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.end = bytes.length
  }

  /** Leaves the message to another decoder. */
  giveUp(): void {
    this.isUnusual = true
    this.position = this.end
  }

  /** A byte; at the end 0, which is no tag. */
  byte(): number {
    return this.#bytes[this.position++] ?? 0
  }

  /** A number of at most 31 bits. */
  small(): number {
    let byte = this.byte()
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    for (let shift = 7; shift < 28; shift += 7) {
      byte = this.byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    byte = this.byte()
    if (byte > 0x07) this.giveUp()
    return value | (byte << 28)
  }

  /** Where the part that begins here ends. */
  limit(): number {
    const length = this.small()
    const limit = this.position + length
    if (limit > this.end) {
      this.giveUp()
      return this.end
    }
    return limit
  }

  /** A number of 64 bits without sign. */
  unsigned(): bigint {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte()
      low |= (byte & 0x7f) << shift
      if (byte < 0x80) return BigInt(low)
    }
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte()
      high |= (byte & 0x7f) << shift
      if (byte < 0x80) return wide(low, high, 0)
    }
    // Bits 56 to 63.
    const byte = this.byte()
    if (byte < 0x80) return wide(low, high, byte)
    const last = this.byte()
    if (last > 0x01) this.giveUp()
    return wide(low, high, (byte & 0x7f) | (last << 7))
  }

  /** A number of 64 bits with sign, not zigzag. */
  signed(): bigint {
    const value = this.unsigned()
    return value < 0x8000_0000_0000_0000n ? value : BigInt.asIntN(64, value)
  }

  double(): number {
    const { position } = this
    if (position + 8 > this.end) {
      this.giveUp()
      return 0
    }
    this.position = position + 8
    const { buffer, byteOffset, byteLength } = this.#bytes
    this.#view ??= new DataView(buffer, byteOffset, byteLength)
    return this.#view.getFloat64(position, true)
  }

  text(): string {
    const end = this.limit()
    const start = this.position
    if (end - start <= longestShortText) {
      let text = ''
      for (let index = start; index < end; index += 1) {
        const byte = this.#bytes[index] ?? 0
        if (byte >= 0x80) return this.#decoded(start, end)
        text += String.fromCharCode(byte)
      }
      this.position = end
      return text
    }
    return this.#decoded(start, end)
  }

  /** A text that is probably the one that was read under this number before. */
  repeatedText(slot = 0): string {
    const last = this.#lastTexts[slot] ?? ''
    const end = this.limit()
    const start = this.position
    if (end - start === last.length && this.#isText(last, start)) {
      this.position = end
      return last
    }
    const text = this.#decoded(start, end)
    this.#lastTexts[slot] = text
    return text
  }

  #isText(text: string, start: number): boolean {
    for (let index = 0; index < text.length; index += 1) {
      // Only an ASCII text equals its bytes.
      const code = text.charCodeAt(index)
      if (code >= 0x80 || code !== this.#bytes[start + index]) return false
    }
    return true
  }

  #decoded(start: number, end: number): string {
    this.position = end
    const { buffer, byteOffset, byteLength } = this.#bytes
    this.#buffer ??= Buffer.from(buffer, byteOffset, byteLength)
    const text = this.#buffer.toString('utf8', start, end)
    return text.includes(replacement) ? this.#strictlyDecoded(start, end) : text
  }

  /** A text may contain the replacement itself; bytes that are no UTF-8 are refused. */
  #strictlyDecoded(start: number, end: number): string {
    try {
      return strictDecoder.decode(this.#bytes.subarray(start, end))
    } catch {
      this.giveUp()
      return ''
    }
  }
}

/** 28 bits, 28 bits, and 8 bits. */
function wide(low: number, high: number, top: number): bigint {
  // Up to 53 bits are exact as a double, which is faster.
  if (top === 0 && high < 0x200_0000) return BigInt(high * 0x1000_0000 + low)
  return (BigInt(top) << 56n) | (BigInt(high) << 28n) | BigInt(low)
}
