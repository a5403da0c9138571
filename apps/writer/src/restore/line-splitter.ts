import { QError } from '@qcore/errors'

const lineFeed = 0x0a
/** A snapshot continues an entity on another line long before. */
const mostLineBytes = 8_388_608

/** Cuts parts of a file, which end anywhere, into lines. */
export class LineSplitter {
  #begun: Buffer[] = []
  #begunBytes = 0

  /** Whether the file so far ends with a line. */
  get isAtLineEnd(): boolean {
    return this.#begunBytes === 0
  }

  /** The lines that a part completes, each with its line feed. Throws QError `invalid_snapshot`. */
  *split(part: Buffer): Generator<Buffer, void> {
    let start = 0
    for (let end = part.indexOf(lineFeed); end !== -1; end = part.indexOf(lineFeed, start)) {
      const rest = part.subarray(start, end + 1)
      start = end + 1
      if (this.#begunBytes === 0) {
        yield rest
      } else {
        const line = Buffer.concat([...this.#begun, rest])
        this.#begun = []
        this.#begunBytes = 0
        yield line
      }
    }
    if (start === part.length) return
    this.#begun.push(part.subarray(start))
    this.#begunBytes += part.length - start
    if (this.#begunBytes > mostLineBytes) {
      throw new QError('invalid_snapshot', `a line has at most ${mostLineBytes} bytes`)
    }
  }
}
