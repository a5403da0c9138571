import type { DescMessage, DescMethod, DescService } from '@bufbuild/protobuf'
import * as contracts from '@qcore/contracts'
import { methodSubject, serviceShortName } from '@qcore/contracts'
import { MessageSchemas } from './message-schemas.ts'
import type { ProtoComments } from './proto-comments.ts'
import { pushedChannels, type PushedChannel } from './pushed-channels.ts'
import type { Json } from './yaml-text.ts'

type Members = Record<string, Json>

/** The AsyncAPI document of every subject, path and message of the platform, from the descriptors. */
export function asyncapiDocument(comments: ProtoComments): Json {
  const writer = new DocumentWriter(comments)
  for (const service of platformServices()) {
    for (const method of service.methods) writer.addMethod(method)
  }
  for (const channel of pushedChannels) writer.addChannel(channel)
  return writer.document()
}

function platformServices(): DescService[] {
  return Object.values(contracts)
    .filter((entry) => typeof entry === 'object' && 'kind' in entry && entry.kind === 'service')
    .filter(({ typeName }) => typeName.startsWith('qcore.'))
    .sort((a, b) => (a.typeName < b.typeName ? -1 : 1))
}

class DocumentWriter {
  readonly #comments: ProtoComments
  readonly #schemas: MessageSchemas
  readonly #channels: Members = {}
  readonly #operations: Members = {}
  readonly #messages: Members = {}

  constructor(comments: ProtoComments) {
    this.#comments = comments
    this.#schemas = new MessageSchemas(comments)
  }

  addMethod(method: DescMethod): void {
    const { parent, input, output } = method
    const key = `${serviceShortName(parent)}.${method.name}`
    const description = this.#comments.get(`${parent.typeName}.${method.name}`)
    this.#channels[key] = {
      address: methodSubject('{store}', method),
      description,
      servers: [{ $ref: '#/servers/nats' }],
      parameters: parametersOf('{store}'),
      messages: this.#references([input]),
    }
    this.#channels[`${key}.reply`] = {
      description: isStream(method)
        ? 'The reply subject of the request: frames with the messages, as libs/transport says, or an error.'
        : 'The reply subject of the request.',
      servers: [{ $ref: '#/servers/nats' }],
      messages: { ...this.#references([output]), error: { $ref: '#/components/messages/error' } },
    }
    this.#operations[key] = {
      action: 'receive',
      summary: description?.split('\n')[0],
      channel: { $ref: `#/channels/${key}` },
      messages: [{ $ref: `#/channels/${key}/messages/${input.name}` }],
      reply: {
        channel: { $ref: `#/channels/${key}.reply` },
        messages: [output.name, 'error'].map((name) => ({ $ref: `#/channels/${key}.reply/messages/${name}` })),
      },
    }
  }

  addChannel({ name, address, server, description, sends, receives }: PushedChannel): void {
    this.#channels[name] = {
      address,
      description,
      servers: [{ $ref: `#/servers/${server}` }],
      parameters: parametersOf(address),
      messages: this.#references([...(sends ?? []), ...(receives ?? [])]),
    }
    for (const [action, messages] of [['send', sends] as const, ['receive', receives] as const]) {
      if (messages === undefined) continue
      this.#operations[`${name}.${action}`] = {
        action,
        channel: { $ref: `#/channels/${name}` },
        messages: messages.map((message) => ({ $ref: `#/channels/${name}/messages/${message.name}` })),
      }
    }
  }

  document(): Json {
    return {
      asyncapi: '3.0.0',
      info: {
        title: 'qcore',
        version: 'v1',
        description:
          'Every subject and message of qcore, from its protos. JSON is shown; the same messages go as protobuf where `Content-Type` is `application/proto`. docs/protocol.md says the rest.',
      },
      defaultContentType: 'application/json',
      servers: {
        nats: { host: '127.0.0.1:4222', protocol: 'nats', description: 'The NATS server of the platform.' },
        webSocket: { host: '127.0.0.1:20000', protocol: 'ws', description: 'The gateway.' },
        http: { host: '127.0.0.1:20000', protocol: 'http', description: 'The gateway.' },
      },
      channels: this.#channels,
      operations: this.#operations,
      components: {
        messages: { ...this.#messages, error: errorMessage },
        parameters,
        schemas: Object.fromEntries(Object.entries(this.#schemas.schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      },
    }
  }

  #references(messages: readonly DescMessage[]): Members {
    return Object.fromEntries(
      messages.map((message) => {
        this.#messages[message.typeName] ??= {
          name: message.typeName,
          title: message.name,
          summary: this.#comments.get(message.typeName)?.split('\n')[0],
          payload: this.#schemas.of(message),
        }
        return [message.name, { $ref: `#/components/messages/${message.typeName}` }]
      }),
    )
  }
}

const parameters: Members = {
  store: { description: 'The name of the store, `main` unless `Q_STORE` says otherwise.' },
  token: { description: 'The token of a registration.' },
  namespace: { description: 'The namespace of an event.' },
  type: { description: 'The type of an event, which may have dots.' },
  id: { description: 'Names one message that waits for its reply, or one connection.' },
  node: { description: 'The id of a node; its dots are `=`.' },
  client: { description: 'The name of a client, in hexadecimal.' },
}

/** What an address leaves open. */
function parametersOf(address: string): Members | undefined {
  const names = [...address.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '')
  if (names.length === 0) return undefined
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/parameters/${name}` }]))
}

function isStream({ methodKind }: DescMethod): boolean {
  return methodKind !== 'unary'
}

const errorMessage: Json = {
  name: 'error',
  title: 'Error',
  summary: 'An error of the Connect protocol; docs/errors.md lists the reasons.',
  headers: {
    type: 'object',
    properties: {
      'Nats-Service-Error': { type: 'string', description: 'The message.' },
      'Nats-Service-Error-Code': { type: 'string', description: 'The HTTP status.' },
    },
  },
  payload: {
    type: 'object',
    properties: {
      code: { type: 'string', description: 'The code of the Connect protocol.' },
      message: { type: 'string', description: 'For people.' },
      details: {
        type: 'array',
        description: 'A google.rpc.ErrorInfo: its `reason` is the stable code.',
        items: {
          type: 'object',
          properties: {
            type: { type: 'string' },
            value: { type: 'string', contentEncoding: 'base64' },
            debug: { type: 'object' },
          },
        },
      },
    },
  },
}
