import type { Entity } from '@qcore/contracts'
import { RowColumns, type Executor } from '@qcore/database'
import { indexKey, referencedIds, type FieldModel, type FieldState } from '@qcore/model'
import { ProtoWriter } from '@qcore/transport'
import { encodeValue } from '../record/encode-value.ts'
import { insertStaged } from './sql/staging.ts'

/** Rows of one statement, and about the bytes of their values. */
const enoughRows = 5_000
const enoughBytes = 4_194_304

/** Writes staged rows, many at a time. */
export class StagedRows {
  readonly #executor: Executor
  readonly #id: string
  readonly #rows = {
    entity: new RowColumns(['text', 'text', 'text', 'text', 'text', 'int4']),
    field: new RowColumns(['text', 'int4', 'bytea', 'int8', 'text', 'int8', 'float8', 'bytea']),
    reference: new RowColumns(['text', 'text', 'int4']),
    problem: new RowColumns(['text', 'text', 'text', 'text']),
  }
  readonly #scratch = new ProtoWriter()
  #bytes = 0
  /** Fields added so far. */
  fields = 0

  constructor(executor: Executor, id: string) {
    this.#executor = executor
    this.#id = id
  }

  get isFull(): boolean {
    return this.#bytes >= enoughBytes || Object.values(this.#rows).some(({ length }) => length >= enoughRows)
  }

  addEntity({ id, type, name, parentId, place }: Entity): void {
    const { entity } = this.#rows
    for (const [index, text] of [id, type, name, parentId, place].entries()) entity.column(index).addText(text)
    // The depth is set when the tree is known.
    entity.column(5).addNull()
  }

  addField(entityId: string, field: FieldModel, state: Omit<FieldState, 'revision'>): void {
    const { field: rows, reference } = this.#rows
    this.#scratch.rewind()
    encodeValue(this.#scratch, field.valueType, state.value)
    const bytes = this.#scratch.slice(0, this.#scratch.length)
    this.#bytes += bytes.length
    this.fields++
    rows.column(0).addText(entityId)
    rows.column(1).addInt4(field.id)
    rows.column(2).addBytes(bytes)
    rows.column(3).addInt8(state.writeTimeUs)
    rows.column(4).addText(state.writer)
    const key = field.indexed ? indexKey(field.valueType, state.value) : undefined
    if (key?.kind === 'int') rows.column(5).addInt8(key.key)
    else rows.column(5).addNull()
    if (key?.kind === 'float') rows.column(6).addFloat8(key.key)
    else rows.column(6).addNull()
    if (key?.kind === 'text') rows.column(7).addBytes(key.key)
    else rows.column(7).addNull()
    for (const targetId of referencedIds(field.valueType, state.value)) {
      reference.column(0).addText(targetId)
      reference.column(1).addText(entityId)
      reference.column(2).addInt4(field.id)
    }
  }

  addProblem(entityId: string, { code, message, field }: { code: string; message: string; field: string }): void {
    for (const [index, text] of [entityId, code, message, field].entries()) {
      this.#rows.problem.column(index).addText(text)
    }
  }

  async flush(): Promise<void> {
    for (const table of ['entity', 'field', 'reference', 'problem'] as const) {
      const rows = this.#rows[table]
      if (rows.length === 0) continue
      const columns = rows.columns.map((column) => column.finish())
      await insertStaged(this.#executor, { id: this.#id, table, columns })
      rows.reset()
    }
    this.#bytes = 0
  }
}
