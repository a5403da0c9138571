import { ArrayParameter, type ElementType } from './array-parameter.ts'

/** Rows of one kind, a column an array. */
export class RowColumns {
  readonly columns: readonly ArrayParameter[]

  constructor(types: readonly ElementType[]) {
    this.columns = types.map((type) => new ArrayParameter(type))
  }

  get length(): number {
    return this.columns[0]?.length ?? 0
  }

  /** Takes all rows out. */
  reset(): void {
    for (const column of this.columns) column.reset()
  }

  column(index: number): ArrayParameter {
    const column = this.columns[index]
    if (column === undefined) throw new Error(`there is no column ${index}`)
    return column
  }
}
