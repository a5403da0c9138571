import { QError } from '@qcore/errors'
import type { TypeSource } from '@qcore/query'

/**
 * Checks that the fields that a query names are those of then: rows are found by what they are now.
 *
 * @throws QError `schema_changed`
 */
export function assertSameFields(names: ReadonlySet<string>, then: TypeSource, now: TypeSource): void {
  for (const typeName of then.names) {
    const type = now.get(typeName)
    if (type === undefined) continue
    for (const name of names) {
      const before = then.get(typeName)?.fieldsByName.get(name)
      const field = type.fieldsByName.get(name)
      if (before === undefined) continue
      if (before.id !== field?.id || before.valueType !== field.valueType || before.indexed !== field.indexed) {
        throw new QError('schema_changed', `the field ${name} of type ${typeName} is another one since`)
      }
    }
  }
}
