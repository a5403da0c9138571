import type { MessageInitShape } from '@bufbuild/protobuf'
import type { QueryRowSchema } from '@qcore/contracts/legacy/qprotobufs'
import type { Store } from '../store/store.ts'
import { wireField } from '../store/wire-field.ts'
import { writeValue } from '../value/wire-value.ts'

/** The column that names the entity of a row; the text may select it, and has it in any case. */
const idColumn = '$EntityId'
const selectedId = /"?\$EntityId"?\s*,\s*|,\s*"?\$EntityId"?(?=\s)/g

/** A page of what a query finds. Its text is that of qcore's queries, which are a part of SQL. */
export async function queryPage(
  store: Store,
  text: string,
  { pageSize, cursor }: { pageSize: number; cursor: string },
): Promise<{ rows: MessageInitShape<typeof QueryRowSchema>[]; cursor: string }> {
  const isSelected = text.includes(idColumn)
  const page = await store.client.query(text.replaceAll(selectedId, ''), { pageSize }).page(cursor)
  const rows = await Promise.all(
    page.entities.map(async ({ id, fields }) => {
      const columns = Object.entries(fields).map(async ([key, field]) => ({
        key,
        value: (await wireField(store, field)).value,
        isSelected: true,
      }))
      const own = { key: idColumn, value: writeValue({ type: 'EntityReference', raw: id }, store.package), isSelected }
      return { columns: [own, ...(await Promise.all(columns))] }
    }),
  )
  return { rows, cursor: page.cursor }
}
