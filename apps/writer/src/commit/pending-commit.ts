import type { Claims } from '@qcore/access'
import type { CommitRequest, CommitResponse, PutSchedule, Value } from '@qcore/contracts'
import type { QError } from '@qcore/errors'
import type { DelayedEventFacts } from '@qcore/model'
import type { CommitNeeds } from './commit-needs.ts'

/** A commit that waits for its turn. */
export interface PendingCommit {
  readonly request: CommitRequest
  readonly caller: Claims
  /** Aborted when the commit is to be left undone if it has not begun; undefined if it is to be made in any case. */
  readonly signal: AbortSignal | undefined
  /** About how many bytes of memory it takes. */
  readonly sizeBytes: number
  /** Takes the answer. Called once. */
  settle(outcome: CommitResponse | QError): void
  /** What it turned out to need when it was prepared; it is prepared again when that is loaded. */
  needs?: CommitNeeds
  /** Events that were held and are due, of a commit of the platform. */
  readonly release?: readonly DelayedEventFacts[]
}

/** About what a message takes besides the text and bytes in it. */
const messageOverheadBytes = 200

/** About how many bytes of memory a request takes. */
export function sizeOfRequest(request: CommitRequest): number {
  let size = messageOverheadBytes * (1 + request.conditions.length)
  for (const { kind } of request.mutations) {
    size += messageOverheadBytes
    if (kind.case === 'writeField') size += sizeOfKind(kind.value.value)
    if (kind.case === 'createEntity') for (const value of Object.values(kind.value.fields)) size += sizeOfKind(value)
    if (kind.case === 'emitEvent') size += kind.value.payload.length
    if (kind.case === 'putSchedule') size += sizeOfSchedule(kind.value)
    if (kind.case === 'putConfig') size += kind.value.value.length
    if (kind.case === 'setSchema') size += messageOverheadBytes * (kind.value.schema?.fields.length ?? 0)
  }
  return size
}

function sizeOfSchedule({ rule, metadata, description, title, action, tags }: PutSchedule): number {
  const texts =
    rule.length + metadata.length + description.length + title.length + 2 * tags.length * messageOverheadBytes
  if (action?.kind.case === 'emitEvent') return texts + action.kind.value.payload.length
  if (action?.kind.case !== 'apiCall') return texts + messageOverheadBytes
  const { body, headers } = action.kind.value
  return headers.reduce((sum, { value }) => sum + value.length + messageOverheadBytes, texts + body.length)
}

function sizeOfKind(value: Value | undefined): number {
  switch (value?.kind.case) {
    case 'string':
    case 'transformation':
      return messageOverheadBytes + value.kind.value.length
    case 'binaryFile':
      return messageOverheadBytes + value.kind.value.content.length
    case 'entityList':
      return messageOverheadBytes * (1 + value.kind.value.entityIds.length)
    default:
      return messageOverheadBytes
  }
}
