import { CostMeter, expressionLimits, type Expression } from '@qcore/expression'
import { limits } from '@qcore/model'
import { LoadMore } from '../commit/commit-needs.ts'
import { GroupBreak } from '../commit/group-break.ts'
import { compiledExpression, compileTransformation } from './compiled-expressions.ts'

/** Characters that are compiled for a group: some tens of milliseconds. What is more is compiled for the next ones. */
const compiledCharacters = 16_384

/**
 * What transformations may cost, so that none stalls the writer: a commit as much as one evaluation, a group about twice
 * that. Between groups the writer does what else there is to do.
 */
export class TransformationBudget {
  /** For the evaluations of the present commit. */
  meter = new CostMeter(expressionLimits.cost)
  #spentBefore = 0
  #compiled = 0

  beginCommit(): void {
    this.#spentBefore += expressionLimits.cost - this.meter.left
    this.meter = new CostMeter(expressionLimits.cost)
  }

  /** @throws QError `invalid_expression` */
  compile(text: string): Expression {
    const known = compiledExpression(text)
    if (known !== undefined) return known
    // The commit comes again, and finds compiled what it has compiled by then.
    if (this.#compiled + text.length > compiledCharacters && this.#compiled > 0) throw new LoadMore({})
    this.#compiled += Math.min(text.length, limits.transformationBytes)
    return compileTransformation(text)
  }

  /** Called before each evaluation. */
  begin(): void {
    if (this.#spentBefore >= expressionLimits.cost) throw new GroupBreak()
  }
}
