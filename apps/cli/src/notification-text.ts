import type {
  AnyNotification,
  Entity,
  Field,
  MissingField,
  Notification,
  PathNotification,
  QueriedEntity,
  QueryNotification,
  StructureNotification,
  SubtreeNotification,
} from '@qcore/client'
import { jsonOfField } from './field-text.ts'
import { printable } from './printable.ts'
import { jsonOfSchema } from './schema-json.ts'
import { textOfValue } from './value-text.ts'

type OfChange = Exclude<AnyNotification, QueryNotification>

/** A notification on one line for people. */
export function textOfNotification(notification: AnyNotification, paths: readonly string[]): string {
  if (isOfQuery(notification)) return queryText(notification)
  const { time, context, filterProblem, folded } = notification
  const extra = context.map((field, index) => `  ${paths[index] ?? ''}=${contextText(field)}`)
  const problem = filterProblem === undefined ? '' : `  <filter: ${filterProblem.code}>`
  const times = folded === undefined ? '' : `  (${folded.changes} changes)`
  return `${time.toString()}  ${eventText(notification)}${times}${extra.join('')}${problem}`
}

function eventText(notification: OfChange): string {
  if (isOfField(notification)) {
    const { entityId: id, name, current, previous } = notification
    if (current === undefined) return `${id}  ${name}  left: ${previous === undefined ? '' : textOfValue(previous)}`
    const before = previous === undefined ? '' : `${textOfValue(previous)} → `
    const word = 'membership' in notification ? 'entered: ' : ''
    return `${id}  ${name}  ${word}${before}${textOfValue(current)}`
  }
  if (isOfPath(notification)) {
    const { entityId: id, path, current, previous } = notification
    const before = previous === undefined ? '' : `${textOfValue(previous)} → `
    return `${id}  ${path}  ${before}${current === undefined ? '<broken_path>' : textOfValue(current)}`
  }
  if (isOfStructure(notification)) {
    const { entityId: id, events, current, previous } = notification
    const places = [previous, current].map((entity) => (entity === undefined ? '' : placeText(entity)))
    return `${id}  ${events.join(', ')}  ${[...new Set(places)].filter((place) => place !== '').join(' → ')}`
  }
  const { current, previous } = notification
  const what = previous === undefined ? 'created' : current === undefined ? 'deleted' : 'changed'
  return `type ${(current ?? previous)?.type ?? ''}  ${what}`
}

/** `+` enters, `-` leaves, `~` changes; with its position. */
function queryText({ kind, entityId: id, entity, position, previousPosition, time }: QueryNotification): string {
  const sign = { enter: '+', leave: '-', change: '~' }[kind]
  const moved = kind === 'change' && position !== previousPosition ? `${previousPosition}→` : ''
  const fields = Object.entries(entity?.fields ?? {}).map(([path, field]) => `  ${path}=${textOfValue(field)}`)
  const problems = Object.entries(entity?.problems ?? {}).map(([path, { code }]) => `  ${path}=<${code}>`)
  const name = entity === undefined ? '' : `  ${printable(entity.name)}`
  const place = `${moved}${position ?? previousPosition ?? ''}`
  return `${time?.toString() ?? 'result'}  ${sign} ${place}  ${id}${name}${[...fields, ...problems].join('')}`
}

function placeText({ type, name, parentId }: Entity): string {
  return `${type} ${printable(name)} in ${parentId}`
}

function contextText(field: Field | MissingField): string {
  return 'problem' in field ? `<${field.problem.code}>` : textOfValue(field)
}

/** A notification for programs. */
export function jsonOfNotification(notification: AnyNotification, paths: readonly string[]): Record<string, unknown> {
  if (isOfQuery(notification)) return queryJson(notification)
  const { revision, time, context, filterProblem, folded } = notification
  const entries = context.map((field, index) => {
    const value = 'problem' in field ? { problem: problemJson(field.problem) } : jsonOfField(field)
    return [paths[index] ?? '', value] as const
  })
  return {
    revision,
    time: time.toString(),
    ...eventJson(notification),
    ...(folded === undefined ? {} : { folded }),
    context: Object.fromEntries(entries),
    ...(filterProblem === undefined ? {} : { filterProblem: problemJson(filterProblem) }),
  }
}

function eventJson(notification: OfChange): Record<string, unknown> {
  if (isOfField(notification)) {
    const { entityId, name, current, previous } = notification
    const membership = 'membership' in notification ? { membership: notification.membership } : {}
    return { entityId, name, ...membership, current: fieldOrNull(current), previous: fieldOrNull(previous) }
  }
  if (isOfPath(notification)) {
    const { entityId, path, entityIds, previousEntityIds, current, previous } = notification
    const ends = { current: fieldOrNull(current), previous: fieldOrNull(previous) }
    return { entityId, path, entityIds, previousEntityIds, ...ends }
  }
  if (isOfStructure(notification)) {
    const { entityId, events, current, previous } = notification
    return { entityId, events, current: current ?? null, previous: previous ?? null }
  }
  const { current, previous } = notification
  return {
    type: (current ?? previous)?.type,
    current: current === undefined ? null : jsonOfSchema(current),
    previous: previous === undefined ? null : jsonOfSchema(previous),
  }
}

function queryJson({ entity, time, ...rest }: QueryNotification): Record<string, unknown> {
  return { ...rest, time: time?.toString() ?? null, entity: entity === undefined ? null : queriedJson(entity) }
}

function queriedJson({ fields, problems = {}, ...entity }: QueriedEntity): Record<string, unknown> {
  const found = Object.entries(fields).map(([path, field]) => [path, jsonOfField(field)] as const)
  const others = Object.entries(problems).map(([path, problem]) => [path, { problem: problemJson(problem) }] as const)
  return { ...entity, fields: Object.fromEntries<unknown>([...found, ...others]) }
}

function fieldOrNull(field: Field | undefined): Record<string, unknown> | null {
  return field === undefined ? null : jsonOfField(field)
}

function problemJson({ code, message }: { code: string; message: string }): { code: string; message: string } {
  return { code, message }
}

function isOfField(notification: OfChange): notification is Notification | SubtreeNotification {
  return 'name' in notification
}

function isOfPath(notification: OfChange): notification is PathNotification {
  return 'path' in notification
}

function isOfStructure(notification: OfChange): notification is StructureNotification {
  return 'events' in notification
}

function isOfQuery(notification: AnyNotification): notification is QueryNotification {
  return 'position' in notification
}
