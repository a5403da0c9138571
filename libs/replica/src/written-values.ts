import { fromBinary } from '@bufbuild/protobuf'
import { ValueSchema, type Value } from '@qcore/contracts'
import { loadFormerFields, loadSchemaVersions, type Executor } from '@qcore/database'
import {
  convertValue,
  fieldValueFromMessage,
  messageFromFieldValue,
  type FieldModel,
  type TypeModel,
} from '@qcore/model'
import { decodeSchemaChanged } from './change-outline.ts'
import { fieldOrigin } from './field-origin.ts'
import type { LogRecord } from './log-record.ts'
import { visitRecords } from './past-log.ts'
import { TypeHistory } from './type-history.ts'

/** A value that the log leaves out, and where it has it. */
export interface LeftOutValue {
  readonly entityId: string
  readonly type: string
  /** The field, as it was named right after the revision `namedAt`. */
  readonly field: string
  readonly namedAt: number
  /** The revision that wrote the value. */
  readonly revision: number
}

/** What a change of the type converted a value from. */
interface ConversionOf {
  readonly from: FieldModel
  readonly to: FieldModel
}

/**
 * The values that commits gave to fields, whatever the fields were called then: by writing them, by creating the entity, by
 * adding the field to its type, or by converting what it held.
 *
 * @returns one a question, in order
 * @throws QError `compacted` if nothing tells any more
 */
export async function loadWrittenValues(
  pool: Executor,
  questions: readonly LeftOutValue[],
): Promise<(Value | undefined)[]> {
  const types = new Map<string, TypeHistory>()
  for (const type of new Set(questions.map((question) => question.type))) {
    types.set(type, new TypeHistory((await loadSchemaVersions(pool, type)).versions))
  }
  const values: (Value | undefined)[] = questions.map(() => undefined)
  const conversions = new Map<number, ConversionOf>()
  const asked = questions.map((question, index) => ({ question, index }))
  const byRevision = Map.groupBy(asked, ({ question }) => question.revision)
  await visitRecords(pool, byRevision.keys(), (record) => {
    for (const { question, index } of byRevision.get(record.revision) ?? []) {
      const { type, field, namedAt } = question
      const history = types.get(type)
      const id = history?.at(type, namedAt)?.fieldsByName.get(field)?.id
      const now = history?.at(type, record.revision)
      const name = now?.fields.find((each) => each.id === id)?.name ?? field
      const converted = now === undefined ? undefined : conversionIn(record, now, name)
      if (converted === undefined) values[index] = fieldOrigin(record, { id: question.entityId, type }, name)?.value
      else conversions.set(index, converted)
    }
  })
  for (const [index, conversion] of conversions) {
    const question = questions[index]
    if (question !== undefined) values[index] = await convertedValue(pool, question, conversion)
  }
  return values
}

/** How a commit converted a field, if it did. */
function conversionIn({ changes }: LogRecord, model: TypeModel, name: string): ConversionOf | undefined {
  const to = model.fieldsByName.get(name)
  for (const change of changes) {
    if (change.kind !== 'schema_changed') continue
    const { schema, previous, conversions } = decodeSchemaChanged(change)
    const conversion = schema?.type === model.name ? conversions.find(({ toId }) => toId === to?.id) : undefined
    if (conversion === undefined || previous === undefined || to === undefined) continue
    const from = new TypeHistory([{ schema: previous, replacedRevision: 0 }])
      .at(previous.type, Number(previous.revision))
      ?.fields.find(({ id }) => id === conversion.fromId)
    if (from !== undefined) return { from, to }
  }
  return undefined
}

async function convertedValue(
  pool: Executor,
  { entityId, revision }: LeftOutValue,
  { from, to }: ConversionOf,
): Promise<Value | undefined> {
  const former = await loadFormerFields(pool, [entityId], revision - 1)
  const held = former.find((row) => row.fieldId === from.id && row.revision === revision)
  if (held === undefined) return undefined
  const value = fieldValueFromMessage(from.valueType, fromBinary(ValueSchema, held.value), from.name)
  const conversion = convertValue(from, to, value)
  return 'reason' in conversion ? undefined : messageFromFieldValue(to.valueType, conversion.value)
}
