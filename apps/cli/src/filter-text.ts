import { QError, type ComparisonInput, type TypedValue } from '@qcore/client'

const comparisons = { '=': 'eq', '!=': 'ne', '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' } as const

const filterPattern = /^([A-Za-z][A-Za-z0-9_]*)\s*(!=|<=|>=|=|<|>)(.*)$/s

/** A filter of the command line, for example `Level>=5`. */
export interface Filter {
  readonly field: string
  readonly comparison: keyof ComparisonInput
  readonly text: string
}

/** Throws QError `invalid_request`. */
export function parseFilter(text: string): Filter {
  const [, field, sign, value] = filterPattern.exec(text) ?? []
  if (field === undefined || sign === undefined || value === undefined) {
    throw new QError('invalid_request', `${text} is not of the form Field=Value; =, !=, <, <=, > and >= compare`, {
      field: '--where',
    })
  }
  return { field, comparison: comparisons[sign as keyof typeof comparisons], text: value }
}

/** All filters in the form that `find` takes. Throws QError `invalid_request` if one is given twice. */
export async function whereOf(
  filters: readonly Filter[],
  parse: (filter: Filter) => Promise<TypedValue>,
): Promise<Record<string, ComparisonInput>> {
  const where: Record<string, Record<string, TypedValue>> = {}
  for (const filter of filters) {
    const wanted = (where[filter.field] ??= {})
    if (wanted[filter.comparison] !== undefined) {
      throw new QError('invalid_request', `${filter.field} is compared twice in the same way`, { field: '--where' })
    }
    wanted[filter.comparison] = await parse(filter)
  }
  return where
}
