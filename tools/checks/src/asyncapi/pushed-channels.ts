import type { DescMessage } from '@bufbuild/protobuf'
import {
  DeliverySchema,
  LogBatchSchema,
  StreamEndSchema,
  StreamRequestSchema,
  StreamResponseSchema,
  WatchResponseSchema,
  deliverySubject,
  dueSubject,
  eventSubject,
  hookConnectionSubject,
  hookSubject,
  logSubject,
  registrationAckSubject,
  registrationSubject,
  registrationWakeSubject,
  trustSubject,
  undeliveredSubject,
} from '@qcore/contracts'

/** A subject or a path that is not a method of a service. */
export interface PushedChannel {
  readonly name: string
  readonly address: string
  readonly server: 'nats' | 'webSocket' | 'http'
  readonly description: string
  /** What the platform sends there. */
  readonly sends?: readonly DescMessage[]
  /** What it receives there. */
  readonly receives?: readonly DescMessage[]
}

const [store, token, id, namespace, type, node] = ['{store}', '{token}', '{id}', '{namespace}', '{type}', '{node}']

/** Every subject of NATS besides those of methods, and the streams of the gateway. */
export const pushedChannels: readonly PushedChannel[] = [
  {
    name: 'log',
    address: logSubject(store),
    server: 'nats',
    description: 'The log: consecutive commits. The JetStream stream `Q_{store}_LOG` keeps the messages.',
    sends: [LogBatchSchema],
  },
  {
    name: 'registration',
    address: registrationSubject(store, token),
    server: 'nats',
    description:
      'The messages of a registration, JSON or protobuf as `Content-Type` says. With shared delivery each has a reply subject: answer with an empty message, `+ACK`, `-NAK` or `+WPI`.',
    sends: [DeliverySchema],
  },
  {
    name: 'undelivered',
    address: undeliveredSubject(store, token),
    server: 'nats',
    description: 'Messages of a shared registration that were given up, for nobody took them.',
    sends: [DeliverySchema],
  },
  {
    name: 'acknowledgement',
    address: registrationAckSubject(store, token, id),
    server: 'nats',
    description: 'The reply subjects of shared messages: an empty message, `+ACK`, `-NAK` or `+WPI`.',
    receives: [],
  },
  {
    name: 'registrationsChanged',
    address: registrationWakeSubject(store),
    server: 'nats',
    description: 'Between notifiers: registrations have changed. An empty message.',
    sends: [],
  },
  {
    name: 'trustChanged',
    address: trustSubject(store),
    server: 'nats',
    description:
      'Between services: keys and revocations of tokens have changed. A JWT, signed with the secret that they share.',
    sends: [],
  },
  {
    name: 'event',
    address: eventSubject(store, namespace, type),
    server: 'nats',
    description:
      'Events, as CloudEvents in binary mode: the body is the payload, JSON. The JetStream stream `Q_{store}_EVENTS` keeps them.',
    sends: [],
  },
  {
    name: 'answers',
    address: deliverySubject(store, namespace, node),
    server: 'nats',
    description: 'Between notifiers: what became of the events of a node, in lines of text.',
    sends: [],
  },
  {
    name: 'hook',
    // In the subject the name is in hexadecimal.
    address: `${hookSubject(store, '')}{client}`,
    server: 'nats',
    description:
      'A scheduler asks gateways for the connections of a client of Qhronos, whose name is in hexadecimal. Who has some answers with their ids, a JSON array.',
    sends: [],
  },
  {
    name: 'hookConnection',
    address: hookConnectionSubject(store, id),
    server: 'nats',
    description:
      'A scheduler gives a connection an occurrence, JSON with a token of its own. The reply is `acknowledged`, `sent` or `closed`.',
    sends: [],
  },
  {
    name: 'due',
    address: dueSubject(store, namespace),
    server: 'nats',
    description: 'What is due of schedules that have tags, as JSON.',
    sends: [],
  },
  {
    name: 'qhronos',
    address: '/ws',
    server: 'webSocket',
    description:
      'Events of Qhronos that are due, as JSON in text frames: docs/qhronos.md has the messages. Binary frames are those of qlib.',
    sends: [],
    receives: [],
  },
  {
    name: 'stream',
    address: '/stream',
    server: 'webSocket',
    description:
      'Watches and registrations over a WebSocket: JSON in text frames (subprotocol `qcore.v1.json`, or none) or protobuf in binary frames (`qcore.v1.proto`).',
    sends: [StreamResponseSchema],
    receives: [StreamRequestSchema],
  },
  {
    name: 'watchEvents',
    address: '/stream/watch',
    server: 'http',
    description:
      'A watch as Server-Sent Events. The question is a WatchRequest: the query of a GET, or the body of a POST.',
    sends: [WatchResponseSchema, StreamEndSchema],
  },
  {
    name: 'receiveEvents',
    address: '/stream/receive',
    server: 'http',
    description: 'The messages of a registration as Server-Sent Events. The question is a ReceiveRequest.',
    sends: [DeliverySchema, StreamEndSchema],
  },
  {
    name: 'configEvents',
    address: '/stream/config',
    server: 'http',
    description:
      'The configuration, and what changes in it, as Server-Sent Events with JSON of their own: docs/config.md has the messages.',
    sends: [],
  },
]
