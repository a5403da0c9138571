import type { Field, Value } from '@qcore/contracts'

/** Tags, lengths, two times, a revision and some spare. */
const fieldOverheadBytes = 96

/** Below this, three bytes a UTF-16 unit is close enough and cheaper than counting. */
const countedLength = 256

/** How many bytes a field takes in a message, rounded up. */
export function fieldBytes(field: Field | undefined): number {
  if (field === undefined) return 0
  const texts = textBytes(field.entityId) + textBytes(field.name) + textBytes(field.writer)
  return fieldOverheadBytes + texts + valueBytes(field.value)
}

function valueBytes(value: Value | undefined): number {
  const kind = value?.kind
  switch (kind?.case) {
    case 'string':
    case 'transformation':
    case 'choice':
    case 'entityReference':
      return textBytes(kind.value)
    case 'binaryFile':
      return kind.value.content.length + textBytes(kind.value.mediaType)
    case 'entityList':
      return kind.value.entityIds.reduce((sum, id) => sum + id.length + 2, 0)
    default:
      return 16
  }
}

function textBytes(text: string): number {
  return text.length < countedLength ? text.length * 3 : Buffer.byteLength(text)
}
