import { accessVariables } from '@qcore/access'
import { hostAndPort, oneOf, serviceVariables, text, variable, wholeNumber, type SettingsOf } from '@qcore/service'

const mostMs = 3_600_000
const mostCount = 1_000_000
/** A day. */
const mostPastExpirySeconds = 86_400

/** A request to the NATS server, 1 MiB by default, holds the headers too: 16 KiB are left for them. */
const standardBodyBytes = '1032192'

/** The settings of the gateway. */
export const gatewayVariables = {
  ...serviceVariables,
  ...accessVariables,
  webAddress: variable(
    'Q_WEB_ADDR',
    hostAndPort(),
    'Where the gateway listens: HTTP/1.1 and cleartext HTTP/2 on one port.',
    {
      default: '0.0.0.0:20000',
    },
  ),
  webOrigins: variable(
    'Q_WEB_ORIGINS',
    text().refine(isOriginList, 'is not a list of origins such as https://app.example.com, or *').transform(splitList),
    'Origins whose pages may call the gateway from a browser, separated by commas; `*` for every page. Empty: none.',
    { default: '' },
  ),
  coreNamespace: variable(
    'Q_CORE_NAMESPACE',
    text().refine((name) => /^[a-z][a-z0-9_-]{0,62}$/.test(name), 'is no name of a namespace'),
    'The namespace of events that are posted to /core/events and name none.',
    { default: 'demo' },
  ),
  maxTimeoutMs: variable(
    'Q_MAX_TIMEOUT_MS',
    wholeNumber(1, mostMs),
    'Longest deadline of a unary call, in milliseconds; a longer one is cut to it, and a call that names none has it.',
    { default: '30000' },
  ),
  maxBodyBytes: variable(
    'Q_WEB_MAX_BODY_BYTES',
    wholeNumber(1_024, 67_108_864),
    'Largest request, in bytes, also after decompression. NATS has a limit of its own (1 MiB unless its settings differ).',
    { default: standardBodyBytes },
  ),
  maxHeaderBytes: variable(
    'Q_WEB_MAX_HEADER_BYTES',
    wholeNumber(1_024, 1_048_576),
    'Largest header of a request, in bytes.',
    {
      default: '16384',
    },
  ),
  receiveTimeoutMs: variable(
    'Q_WEB_RECEIVE_TIMEOUT_MS',
    wholeNumber(100, mostMs),
    'How long a client may take to send a request, in milliseconds.',
    { default: '30000' },
  ),
  idleTimeoutMs: variable(
    'Q_WEB_IDLE_TIMEOUT_MS',
    wholeNumber(100, mostMs),
    'How long a connection without a call is kept, in milliseconds: above the 60 s of usual load balancers.',
    { default: '75000' },
  ),
  stallTimeoutMs: variable(
    'Q_WEB_STALL_TIMEOUT_MS',
    wholeNumber(100, mostMs),
    'How long a client may take nothing of what is sent, or leave an HTTP/2 ping unanswered, in milliseconds.',
    { default: '30000' },
  ),
  maxConnections: variable(
    'Q_WEB_MAX_CONNECTIONS',
    wholeNumber(0, mostCount),
    'Most connections at a time; 0: no limit.',
    {
      default: '10000',
    },
  ),
  maxCalls: variable('Q_WEB_MAX_CALLS', wholeNumber(0, mostCount), 'Most unary calls at a time; 0: no limit.', {
    default: '10000',
  }),
  maxStreams: variable('Q_WEB_MAX_STREAMS', wholeNumber(0, mostCount), 'Most open streams at a time; 0: no limit.', {
    default: '10000',
  }),
  maxStreamsPerConnection: variable(
    'Q_WEB_MAX_STREAMS_PER_CONNECTION',
    wholeNumber(1, mostCount),
    'Most calls and streams at a time on one HTTP/2 connection.',
    { default: '1000' },
  ),
  ratePerToken: variable(
    'Q_WEB_RATE_PER_TOKEN',
    wholeNumber(0, mostCount),
    'Most calls a second with one token, in each gateway, with a burst of one second; 0: no limit.',
    { default: '0' },
  ),
  ratePerAddress: variable(
    'Q_WEB_RATE_PER_ADDRESS',
    wholeNumber(0, mostCount),
    'Most calls a second from one client address, in each gateway. Behind a proxy all clients have the address of the proxy. 0: no limit.',
    { default: '0' },
  ),
  qhronosRate: variable(
    'Q_QHRONOS_RATE',
    wholeNumber(0, mostCount),
    "Calls a second with one token at Qhronos' interface, in each gateway; 0: no limit.",
    { default: '10' },
  ),
  qhronosBurst: variable(
    'Q_QHRONOS_BURST',
    wholeNumber(1, mostCount),
    "Calls with one token at Qhronos' interface that may come at once.",
    {
      default: '100',
    },
  ),
  qhronosPastExpirySeconds: variable(
    'Q_QHRONOS_PAST_EXPIRY_SECONDS',
    wholeNumber(0, mostPastExpirySeconds),
    "How long a token of Qhronos' interface is good that was asked for with an end in the past, as its README has it: for trying " +
      'things out, where `npm start` sets it. 0: such are refused.',
    { default: '0' },
  ),
  maxWebSockets: variable(
    'Q_WS_MAX_CONNECTIONS',
    wholeNumber(0, mostCount),
    'Most WebSockets at a time; 0: no limit but Q_WEB_MAX_CONNECTIONS.',
    { default: '0' },
  ),
  maxWebSocketsPerCaller: variable(
    'Q_WS_MAX_CONNECTIONS_PER_CALLER',
    wholeNumber(0, mostCount),
    'Most WebSockets at a time of the owner of a token, or of an address without a token, at each gateway; 0: no limit.',
    { default: '0' },
  ),
  maxFrameBytes: variable(
    'Q_WS_MAX_MESSAGE_BYTES',
    wholeNumber(1_024, 1_073_741_824),
    'Largest message of a WebSocket, in bytes; a larger one ends the connection. A snapshot to restore is one message.',
    { default: '1048576' },
  ),
  framesPerSecond: variable(
    'Q_WS_RATE',
    wholeNumber(0, mostCount),
    'Messages a second of one WebSocket, with a burst of one second; what comes faster is read later. 0: no limit.',
    { default: '1000' },
  ),
  unsentBytes: variable(
    'Q_WS_UNSENT_BYTES',
    wholeNumber(65_536, 68_719_476_736),
    'Bytes that may wait for the clients of all WebSockets together; when there are more, the one that takes least is cut off.',
    { default: '268435456' },
  ),
  pingMs: variable(
    'Q_WS_PING_MS',
    wholeNumber(100, mostMs),
    'Time between pings of a WebSocket, in milliseconds; one that leaves a ping unanswered until the next is cut off.',
    { default: '20000' },
  ),
  anonymousLevel: variable(
    'Q_QLIB_ANONYMOUS_LEVEL',
    oneOf(['none', 'read', 'write', 'admin']),
    "What qlib's clients without a token may do: the level of the token that they are given. none: they need one.",
    { default: 'none' },
  ),
  inboxBytes: variable(
    'Q_QLIB_INBOX_BYTES',
    wholeNumber(65_536, 68_719_476_736),
    "Bytes of notifications, about, that wait at a gateway until qlib's clients ask for them; more wait at the notifiers.",
    { default: '268435456' },
  ),
} as const

export type GatewayConfig = SettingsOf<typeof gatewayVariables>

function splitList(list: string): string[] {
  return list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

function isOriginList(list: string): boolean {
  return splitList(list).every((entry) => entry === '*' || isOrigin(entry))
}

function isOrigin(text: string): boolean {
  return !text.includes('*') && URL.canParse(text) && new URL(text).origin === text
}
