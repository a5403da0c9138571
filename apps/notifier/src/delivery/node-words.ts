import type { NatsConnection } from '@nats-io/transport-node'
import { deliverySubject } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { NodeStream } from './node-stream.ts'

/** What is said of an event that a node works on: it is over, is to come again, or is still being worked on. */
export interface NodeWord {
  readonly kind: WordKind
  /** Empty for a replay, which any subscription of the node may have. */
  readonly subscriptionId: string
  /** As of `keyOf` or `replayKey`. */
  readonly key: string
}

type WordKind = 'over' | 'again' | 'working'

/** A node, wherever its stream is. */
export interface NodeName {
  readonly namespace: string
  readonly nodeId: string
}

const marks: Readonly<Record<WordKind, string>> = { over: '-', again: '~', working: '+' }
/** Before the id of the stream that a node has now. */
const streamMark = '!'

/**
 * What the streams of nodes are told: those of this notifier directly, those of others over NATS, in lines of text. A
 * word that is lost is made up for by time.
 */
export class NodeWords {
  readonly #connection: NatsConnection
  readonly #store: string
  /** The newest stream of each node that has one here. */
  readonly #here = new Map<string, NodeStream>()

  constructor(connection: NatsConnection, store: string) {
    this.#connection = connection
    this.#store = store
  }

  tell(node: NodeName, words: readonly NodeWord[]): void {
    if (words.length === 0) return
    const subject = this.#subjectOf(node)
    const stream = this.#here.get(subject)
    if (stream === undefined || stream.isOver) {
      this.#connection.publish(subject, words.map(lineOf).join('\n'))
      return
    }
    for (const word of words) hear(stream, word)
  }

  /** Lets a stream hear what its node's events are said to be. It is the node's only one: a former one ends. */
  join(stream: NodeStream): Disposable {
    const subject = this.#subjectOf(stream)
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) hearLines(stream, message.string())
      },
    })
    this.#here.set(subject, stream)
    this.#connection.publish(subject, `${streamMark}${stream.id}`)
    return {
      [Symbol.dispose]: () => {
        if (this.#here.get(subject) === stream) this.#here.delete(subject)
        if (!this.#connection.isClosed()) subscription.unsubscribe()
      },
    }
  }

  #subjectOf({ namespace, nodeId }: NodeName): string {
    return deliverySubject(this.#store, namespace, nodeId)
  }
}

/** A line of a message: the mark, the subscription and a space if there is one, the key. */
function lineOf({ kind, subscriptionId, key }: NodeWord): string {
  return `${marks[kind]}${subscriptionId === '' ? '' : `${subscriptionId} `}${key}`
}

function hearLines(stream: NodeStream, lines: string): void {
  for (const line of lines.split('\n')) {
    const name = line.slice(1)
    if (!line.startsWith(streamMark)) {
      const space = name.indexOf(' ')
      hear(stream, {
        kind: kindOf(line),
        subscriptionId: name.slice(0, Math.max(0, space)),
        key: name.slice(space + 1),
      })
    } else if (name !== stream.id) {
      // Whether that is another process, it learns when it consumes anew.
      stream.end(new QError('unavailable', 'the node consumes with another stream now'))
    }
  }
}

function kindOf(line: string): WordKind {
  if (line.startsWith(marks.working)) return 'working'
  return line.startsWith(marks.again) ? 'again' : 'over'
}

function hear({ lanes }: NodeStream, { kind, subscriptionId, key }: NodeWord): void {
  for (const lane of lanes) {
    if (subscriptionId !== '' && lane.row.id !== subscriptionId) continue
    if (kind === 'working') lane.extend(key)
    else lane.settle(key, kind)
  }
}
