import {
  celError,
  isCelError,
  parse,
  plan,
  type CelError,
  type CelInput,
  type CelResult,
  type CelValue,
} from '@bufbuild/cel'
import { QError } from '@qcore/errors'
import { CostExceeded, CostMeter } from './cost-meter.ts'
import { ExpressionChecker } from './expression-checker.ts'
import { failedExpression, invalidExpression } from './expression-error.ts'
import { expressionLimits } from './limits.ts'
import { meteredEnvironment } from './metered-functions.ts'
import { nestingOf } from './nesting.ts'
import { positionAt, type SourcePosition } from './source-position.ts'
import type { Expr } from './syntax.ts'

/** What a path leads to: a value, or why there is none. */
export type PathReading = { readonly value: CelInput } | { readonly problem: string }

/** What an evaluation works on. */
export interface ExpressionInputs {
  readonly variables: Readonly<Record<string, CelInput>>
  /** Reads a field by its path. Called when the value is needed, once a path; what it throws ends the evaluation. */
  readonly readPath?: (path: string) => PathReading
}

/** A compiled expression. Evaluating it has no effects and depends on its inputs alone. */
export interface Expression {
  readonly text: string
  /** The paths that it may read. */
  readonly paths: readonly string[]
  /** The text keys of the maps in it: if its result is a map, of these, unless it computes keys. */
  readonly mapKeys: readonly string[]
  /**
   * Evaluates it.
   *
   * @throws QError `expression_failed`, `expression_too_costly`
   */
  evaluate(inputs: ExpressionInputs, meter?: CostMeter): CelValue
}

export interface CompileOptions {
  /** The names of the variables. */
  readonly variables: readonly string[]
  /** Whether `entity.Field`, `parent.Field` and `ref("A->B").Field` read fields. */
  readonly withPaths: boolean
}

let meter = new CostMeter(0)
const environment = meteredEnvironment(() => meter)

/**
 * Compiles an expression in CEL.
 *
 * @throws QError `invalid_expression`, whose metadata has `line` and `column`
 */
export function compileExpression(text: string, { variables, withPaths }: CompileOptions): Expression {
  const { expr, positions } = parsed(text)
  const checker = new ExpressionChecker({ text, positions, variables, withPaths })
  const units = checker.check(expr)
  const evaluateTree = plan(environment, expr)
  const paths = new Set([...checker.pathVariables.values()].map(({ path }) => path))
  return {
    text,
    paths: [...paths],
    mapKeys: [...checker.mapKeys],
    evaluate: (inputs, given = new CostMeter(expressionLimits.cost)) => {
      const bindings = bindingsOf(checker, inputs)
      const result = evaluateWith(given, () => {
        given.charge(units)
        return evaluateTree(bindings.values)
      })
      if (bindings.failure !== undefined) throw bindings.failure.cause
      if (given.left < 0) throw tooCostly()
      if (isCelError(result)) throw failure(result, text, positions)
      return result
    },
  }
}

function parsed(text: string): { expr: Expr; positions: Readonly<Record<string, number>> } {
  if (text.length > expressionLimits.characters) {
    throw invalidExpression(`an expression has at most ${expressionLimits.characters} characters`, undefined)
  }
  if (nestingOf(text) > expressionLimits.nesting) {
    throw invalidExpression(`an expression nests at most ${expressionLimits.nesting} brackets`, undefined)
  }
  try {
    const { expr, sourceInfo } = parse(text)
    return { expr, positions: sourceInfo?.positions ?? {} }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    throw invalidExpression(error.message.replace(/^<input>:\d+:\d+: /, ''), positionOf(error), error)
  }
}

function positionOf(error: Error): SourcePosition | undefined {
  const { location } = error as { location?: { start?: SourcePosition } }
  return location?.start
}

function evaluateWith(given: CostMeter, evaluate: () => CelResult): CelResult {
  const outer = meter
  meter = given
  try {
    return evaluate()
  } catch (error) {
    return celError(error)
  } finally {
    meter = outer
  }
}

interface Bindings {
  readonly values: Record<string, CelInput>
  /** What reading a path threw. */
  failure: { readonly cause: unknown } | undefined
}

function bindingsOf({ pathVariables }: ExpressionChecker, { variables, readPath }: ExpressionInputs): Bindings {
  const bindings: Bindings = { values: Object.assign(Object.create(null), variables), failure: undefined }
  const readings = new Map<string, PathReading>()
  const read = (path: string): PathReading => {
    const known = readings.get(path) ?? readPath?.(path) ?? { problem: 'there are no fields to read' }
    readings.set(path, known)
    return known
  }
  for (const [name, { path, isTest }] of pathVariables) {
    const get = (): CelInput | CelError => {
      try {
        const reading = read(path)
        if (isTest) return 'value' in reading
        return 'value' in reading ? reading.value : celError(`${path}: ${reading.problem}`)
      } catch (error) {
        bindings.failure ??= { cause: error }
        throw error
      }
    }
    Object.defineProperty(bindings.values, name, { get })
  }
  return bindings
}

function tooCostly(): QError {
  return new QError('expression_too_costly', 'the evaluation takes more steps than one may')
}

function failure(error: CelError, text: string, positions: Readonly<Record<string, number>>): QError {
  if (error.cause instanceof CostExceeded) return tooCostly()
  const offset = positions[String(error.exprId)]
  return failedExpression(error.message, offset === undefined ? undefined : positionAt(text, offset), error)
}
