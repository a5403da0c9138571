import { vi } from 'vitest'

export interface ReadEvent {
  readonly event: string
  readonly id: string | undefined
  readonly json: Record<string, unknown>
}

/** A client of Server-Sent Events that keeps what it is told. */
export class EventReader implements Disposable {
  readonly status: number
  readonly headers: Headers
  readonly events: ReadEvent[] = []
  readonly ended: Promise<void>
  readonly #stop: AbortController

  private constructor(response: Response, stop: AbortController) {
    this.status = response.status
    this.headers = response.headers
    this.#stop = stop
    this.ended = this.#read(response)
  }

  static async open(url: string, init: RequestInit = {}): Promise<EventReader> {
    const stop = new AbortController()
    return new EventReader(await fetch(url, { ...init, signal: stop.signal }), stop)
  }

  get lastId(): string {
    return this.events.findLast(({ id }) => id !== undefined)?.id ?? ''
  }

  async until(passes: (event: ReadEvent) => boolean): Promise<ReadEvent> {
    return vi.waitFor(
      () => {
        const found = this.events.find(passes)
        if (found === undefined) throw new Error(`no event passes: ${JSON.stringify(this.events)}`)
        return found
      },
      { timeout: 30_000 },
    )
  }

  [Symbol.dispose](): void {
    this.#stop.abort()
  }

  async #read(response: Response): Promise<void> {
    let text = ''
    try {
      for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += part
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) this.#keep(block)
      }
    } catch {
      // It was stopped, or cut off.
    }
  }

  #keep(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    )
    const data = fields.get('data')
    if (data === undefined) return
    const json = JSON.parse(data) as Record<string, unknown>
    this.events.push({ event: fields.get('event') ?? 'message', id: fields.get('id'), json })
  }
}
