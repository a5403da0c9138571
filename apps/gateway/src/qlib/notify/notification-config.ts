import { QError } from '@qcore/errors'
import type { NotifyTarget } from '@qcore/client'
import { isEntityId, isTypeName } from '../store/store.ts'

/** What a registration asks for, in both dialects. */
export interface NotificationConfig {
  readonly id: string
  readonly type: string
  readonly field: string
  readonly contextFields: readonly string[]
  readonly notifyOnChange: boolean
  readonly serviceId: string
}

/** The subscription of a registration. One that names an entity and a type is for the entity. Throws QError `invalid_request`. */
export function targetOf({ id, type, field, contextFields, notifyOnChange }: NotificationConfig): NotifyTarget {
  if (!isTypeName(field)) throw invalid(`${JSON.stringify(field)} is no name of a field`, 'field')
  const what = { fields: [field], trigger: notifyOnChange ? 'change' : 'write', context: [...contextFields] } as const
  if (id !== '') {
    if (!isEntityId(id)) throw invalid(`${JSON.stringify(id)} is no id of an entity`, 'id')
    return { entity: id, ...what }
  }
  if (!isTypeName(type)) throw invalid(`${JSON.stringify(type)} is no name of a type`, 'type')
  return { type, ...what }
}

function invalid(message: string, field: string): QError {
  return new QError('invalid_request', message, { field })
}
