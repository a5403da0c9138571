import type { DescMethod, DescService } from '@bufbuild/protobuf'

/** A store's name: the PostgreSQL schema, and the prefix of subjects and streams. */
const storeNamePattern = /^[a-z][a-z0-9_]{0,39}$/

/** Whether a name can be a store's: a lower-case letter, then letters, digits and `_`; at most 40 characters. */
export function isStoreName(name: string): boolean {
  return storeNamePattern.test(name)
}

/** The short name of a service: `qcore.store.v1.ReadService` is `read`. Unique among all services. */
export function serviceShortName(service: DescService): string {
  return service.name.replace(/Service$/, '').toLowerCase()
}

/** The version of a service: `qcore.store.v1.ReadService` is `v1`. */
function serviceVersion(service: DescService): string {
  const version = service.file.proto.package.split('.').at(-1)
  if (version === undefined || !/^v\d+$/.test(version)) {
    throw new Error(`${service.typeName} is not in a versioned package`)
  }
  return version
}

/** The NATS subject of a method: `q.<store>.v1.<service>.<Method>`, for example `q.main.v1.read.ReadFields`. */
export function methodSubject(store: string, method: DescMethod): string {
  return `q.${store}.${serviceVersion(method.parent)}.${serviceShortName(method.parent)}.${method.name}`
}

/** Whether a NATS subject is one of a platform, of any store, or of NATS itself. */
export function isPlatformSubject(subject: string): boolean {
  return /^(?:q(?:\.|$)|[$_])/.test(subject)
}

/** The NATS subject of the log: every message is a LogBatch. */
export function logSubject(store: string): string {
  return `q.${store}.log`
}

/** The JetStream stream that keeps the log's messages. */
export function logStreamName(store: string): string {
  return `Q_${store}_LOG`
}

/** The NATS subject by which services learn of keys and revocations of tokens: a message is a signed statement. */
export function trustSubject(store: string): string {
  return `q.${store}.trust`
}

/** The NATS subject that the messages of a registration are sent to. */
export function registrationSubject(store: string, token: string): string {
  return `q.${store}.sub.${token}`
}

/** The NATS subject that a message of a shared registration is sent to when it is given up. */
export function undeliveredSubject(store: string, token: string): string {
  return `${registrationSubject(store, token)}.undelivered`
}

/** The NATS subject that a message of a shared registration is replied to. */
export function registrationAckSubject(store: string, token: string, ackId: string): string {
  return `q.${store}.ack.${token}.${ackId}`
}

/** The NATS subject by which notifiers tell each other to look at the registrations; a message there says nothing more. */
export function registrationWakeSubject(store: string): string {
  return `q.${store}.registrations`
}

/**
 * The NATS subject of an event: `q.<store>.event.<namespace>.<type>`, for example `q.main.event.demo.order.placed`. With a
 * pattern instead of the type, that of all events that it selects.
 */
export function eventSubject(store: string, namespace: string, type: string): string {
  return `q.${store}.event.${namespace}.${type}`
}

/** The JetStream stream that keeps the events' messages. */
export function eventStreamName(store: string): string {
  return `Q_${store}_EVENTS`
}

/** The header that says where an event is in the order of its stream: `<revision>.<index>`, of the log. */
export const eventPositionHeader = 'Q-Position'

/** The header that names the further attributes of an event, separated by commas; absent for none. */
export const eventAttributesHeader = 'Q-Attributes'

/** What the names of CloudEvents' attributes begin with where they are headers. */
export const cloudEventPrefix = 'ce-'

/** The NATS subject by which the stream of a node hears what became of its events, whichever notifier was told. */
export function deliverySubject(store: string, namespace: string, nodeId: string): string {
  // Ids of nodes may have dots.
  return `q.${store}.delivery.${namespace}.${nodeId.replaceAll('.', '=')}`
}

/**
 * The NATS subject by which a scheduler asks for the connections of a client-hook. Who has some answers with their ids; if
 * nobody does, NATS says so at once.
 */
export function hookSubject(store: string, clientName: string): string {
  const bytes = [...new TextEncoder().encode(clientName)]
  return `q.${store}.hook.client.${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** The NATS subject by which a connection of a client-hook is given an occurrence; the reply says what became of it. */
export function hookConnectionSubject(store: string, connectionId: string): string {
  return `q.${store}.hook.connection.${connectionId}`
}

/** As who schedulers call: the subject of their own tokens. */
export const schedulerSubject = 'scheduler'

/** What the idempotency keys of commits that schedulers make for occurrences begin with; nobody else's may. */
export const occurrenceKeyPrefix = 'schedule:'

/** The NATS subject by which is told what is due of the schedules of a namespace that have tags, as JSON. */
export function dueSubject(store: string, namespace: string): string {
  return `q.${store}.due.${namespace}`
}
