import { counter, gauge, histogram } from '@qcore/service'

/** From a read that a reader answers at once to the longest deadline, in seconds. */
const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30]

export const requestsTotal = counter(
  'qcore_gateway_requests_total',
  'Calls that ended, by their Connect code; ok for those without an error.',
  ['method', 'code'],
)
export const requestSeconds = histogram(
  'qcore_gateway_request_seconds',
  'How long unary calls took, from their header to their answer.',
  secondsBuckets,
  ['method'],
)
export const streamsOpen = gauge('qcore_gateway_streams_open', 'Streams that are open.')
export const connectionsOpen = gauge('qcore_gateway_connections_open', 'Connections of clients.')
export const webSocketsOpen = gauge('qcore_gateway_websockets_open', 'WebSockets that are open.')
export const webSocketUnsentBytes = gauge(
  'qcore_gateway_websocket_unsent_bytes',
  'Bytes that wait for the clients of WebSockets.',
)
export const qlibRequestsTotal = counter(
  'qcore_gateway_qlib_requests_total',
  "Requests of qlib's clients that were answered, by the code of what went wrong; ok where nothing did.",
  ['request', 'code'],
)
export const receivedBytesTotal = counter('qcore_gateway_received_bytes_total', 'Bytes of requests, without headers.')
export const sentBytesTotal = counter('qcore_gateway_sent_bytes_total', 'Bytes of answers, without headers.')
