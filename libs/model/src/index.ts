export {
  fieldValueFromMessage,
  messageFromFieldValue,
  referencedIds,
  sameFieldValue,
  valueTypeName,
  zeroFieldValue,
} from './field-value.ts'
export { microsFromTimestamp, timestampFromMicros } from './timestamp.ts'
export { checkedFieldValue, completeSchema, typeModelFromSchema } from './type-model.ts'
export { allGrants, mayWrite, visiblePastType, visibleType } from './permissions.ts'
export { messageFromEntity, messageFromField } from './entity-state.ts'
export { parsePath } from './path.ts'
export { indexKey, indexKind } from './index-key.ts'
export { alterSchema } from './alter-schema.ts'
export { canConvert, convertValue } from './convert-value.ts'
export { commonHeadersFromEvent, eventFromHeaders, ownHeadersFromEvent, type CommonFacts } from './cloud-event.ts'
export { attributesFromText, ownAttributes, textFromAttributes } from './event-attributes.ts'
export { eventId, eventPosition, parseEventPosition } from './event-facts.ts'
export { messageFromDelayedEvent, messageFromEvent } from './event-message.ts'
export { headerFromText, textFromHeader } from './header-text.ts'
export { microsFromRfc3339, rfc3339FromMicros } from './rfc3339.ts'
export { isPlace, placeBetween } from './place.ts'
export { compareText } from './compare-text.ts'
export { ownSchedule } from './own-schedule.ts'
export { limits } from './limits.ts'
export { RecentMap } from './recent-map.ts'
export type { Alteration } from './alter-schema.ts'
export type { Conversion, ConvertibleField } from './convert-value.ts'
export type { BinaryFileValue, FieldValue } from './field-value.ts'
export type { FieldModel, TypeModel } from './type-model.ts'
export type { BoundSchedule } from './own-schedule.ts'
export type { Grants, Permissions } from './permissions.ts'
export type { DelayedEventFacts, EventContent, EventFacts } from './event-facts.ts'
export type { EntityState, FieldState } from './entity-state.ts'
export type { FieldPath } from './path.ts'
export type { IndexKey } from './index-key.ts'
