import { toBinary } from '@bufbuild/protobuf'
import {
  isPlatformSubject,
  OccurrenceFact,
  WriteFieldsActionSchema,
  type PublishAction,
  type WriteFieldsAction,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'

/** A schedule is read as a whole by whoever lists it. */
const mostActionBytes = 65_536

/**
 * Checks what the rules of the proto do not say of fields that a schedule writes.
 *
 * @throws QError `invalid_request`
 */
export function checkFieldsToWrite(action: WriteFieldsAction, path: string): void {
  for (const [index, { content }] of action.fields.entries()) {
    if (content.case !== 'fact' || content.value !== OccurrenceFact.UNSPECIFIED) continue
    throw new QError('invalid_request', 'say what of the occurrence is to be written', {
      field: `${path}.fields[${index}].fact`,
    })
  }
  if (toBinary(WriteFieldsActionSchema, action).length <= mostActionBytes) return
  throw new QError('invalid_request', `an action has at most ${mostActionBytes} bytes`, { field: `${path}.fields` })
}

/**
 * Checks what the rules of the proto do not say of a message that a schedule publishes.
 *
 * @throws QError `invalid_request`
 */
export function checkMessageToPublish({ subject, headers }: PublishAction, path: string): void {
  if (subject.split('.').includes('')) {
    throw new QError('invalid_request', 'a part of the subject is empty', { field: `${path}.subject` })
  }
  if (isPlatformSubject(subject)) {
    throw new QError('invalid_request', "the subject is the platform's, or NATS' own", { field: `${path}.subject` })
  }
  for (const [index, { name }] of headers.entries()) {
    if (!name.toLowerCase().startsWith('nats-')) continue
    throw new QError('invalid_request', `${name} is NATS' own`, { field: `${path}.headers[${index}].name` })
  }
}
