import { create } from '@bufbuild/protobuf'
import { ProblemSchema, type ContextField, type Problem } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { celFromMessage, compileExpression, CostMeter, type CelInput, type Expression } from '@qcore/expression'
import type { FilterInputs } from '../match/notified-change.ts'

/** Units that one evaluation may cost: less than a millisecond, for it holds up all streams of the notifier. */
const mostCost = 10_000

/** What must be true of a change for a subscription to tell of it. */
export class Filter {
  readonly #expression: Expression

  /** @throws QError `invalid_expression`, which names `field` */
  constructor(text: string, field: string) {
    try {
      this.#expression = compileExpression(text, {
        variables: ['current', 'previous', 'field', 'context'],
        withPaths: false,
      })
    } catch (error) {
      if (!isQError(error)) throw error
      throw new QError(error.code, error.message, { field, metadata: error.metadata, cause: error })
    }
  }

  /**
   * Whether a change is wanted; a problem if that cannot be told.
   *
   * @param context what the paths lead to, by path
   */
  evaluate(inputs: FilterInputs, context: ReadonlyMap<string, ContextField>): boolean | Problem {
    const values = new Map(Array.from(context, ([path, field]) => [path, celFromContext(field)] as const))
    try {
      const result = this.#expression.evaluate({ variables: { ...inputs, context: values } }, new CostMeter(mostCost))
      if (typeof result === 'boolean') return result
      return problem('expression_failed', 'the filter gives neither true nor false')
    } catch (error) {
      if (!isQError(error)) throw error
      return problem(error.code, error.message)
    }
  }
}

function celFromContext({ outcome }: ContextField): CelInput {
  const value = outcome.case === 'field' ? outcome.value.value : undefined
  return value === undefined ? null : celFromMessage(value)
}

function problem(code: string, message: string): Problem {
  return create(ProblemSchema, { code, message, field: 'filter' })
}
