import { once } from 'node:events'
import { WebSocket } from 'ws'

/** Where a stream is resumed. */
export interface StreamPosition {
  readonly revision: string
  readonly logId: string
}

/** A step of a watch, as JSON has it. */
export interface WatchStep {
  readonly live?: StreamPosition
  readonly progress?: { readonly revision: string }
  readonly notifications?: {
    readonly revision: string
    readonly more?: boolean
    readonly notifications?: readonly {
      readonly current: WatchedField
      readonly previous?: WatchedField
      readonly context?: readonly { readonly field?: WatchedField }[]
    }[]
  }
}

export interface WatchedField {
  readonly entityId: string
  readonly name: string
  readonly value: { readonly string?: string }
}

export interface GatewayStreamOptions {
  /** The gateway, as `http://127.0.0.1:20000`. */
  readonly url: string
  readonly token: string
  readonly subscription: Readonly<Record<string, unknown>>
  readonly position: StreamPosition | undefined
  /** Told of each step, and of each sign of life (undefined). */
  readonly onStep: (step: WatchStep | undefined) => void
  readonly signal: AbortSignal
}

/** Watches over a stream of the gateway until it ends, however. Gives the code of the end, if it was told one. */
export type OpenGatewayStream = (options: GatewayStreamOptions) => Promise<string>

interface End {
  readonly problem?: { readonly code: string }
}

export async function watchOverSocket(options: GatewayStreamOptions): Promise<string> {
  const { url, token, subscription, position, onStep, signal } = options
  const headers = { authorization: `Bearer ${token}` }
  const socket = new WebSocket(`${url.replace('http', 'ws')}/stream`, 'qcore.v1.json', { headers })
  const cut = (): void => socket.terminate()
  signal.addEventListener('abort', cut)
  if (signal.aborted) cut()
  let code = ''
  // Its end is its close.
  socket.on('error', () => undefined)
  const resume = position === undefined ? {} : { resumeAfter: position.revision, logId: position.logId }
  socket.on('open', () => socket.send(JSON.stringify({ id: 'w', watch: { subscriptions: [subscription], ...resume } })))
  socket.on('message', (data: Buffer) => {
    const { watch, end } = JSON.parse(data.toString()) as { watch?: WatchStep; end?: End }
    onStep(watch)
    if (end === undefined) return
    code = end.problem?.code ?? ''
    socket.close()
  })
  await once(socket, 'close')
  signal.removeEventListener('abort', cut)
  return code
}

export async function watchOverEvents(options: GatewayStreamOptions): Promise<string> {
  const { url, token, subscription, position, onStep, signal } = options
  const lastId = position === undefined ? {} : { 'last-event-id': `${position.logId}:${position.revision}` }
  const question = encodeURIComponent(JSON.stringify(subscription))
  const response = await fetch(`${url}/stream/watch?subscription=${question}`, {
    headers: { authorization: `Bearer ${token}`, ...lastId },
    signal,
  })
  if (response.status !== 200) return ((await response.json()) as { code: string }).code
  let text = ''
  for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part
    const events = text.split('\n\n')
    text = events.pop() ?? ''
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1] ?? '{}'
      const isStep = !event.includes('event: ')
      onStep(isStep ? (JSON.parse(data) as WatchStep) : undefined)
      if (event.includes('event: end\n')) return (JSON.parse(data) as End).problem?.code ?? ''
    }
  }
  return ''
}
