export { QhronosClient } from './qhronos-client.ts'
export { QhronosError } from './qhronos-error.ts'
export { Listening } from './listening.ts'
export type { QhronosClientOptions, RequestOptions } from './qhronos-client.ts'
export type { ListenOptions, ListenTarget } from './listening.ts'
export type {
  CreateEventRequest,
  CreateTokenRequest,
  DueEvent,
  Event,
  EventAction,
  EventSchedule,
  EventStatus,
  ListEventsParams,
  ListOccurrencesParams,
  Occurrence,
  SystemStatus,
  Token,
  UpdateEventRequest,
} from './qhronos-types.ts'
