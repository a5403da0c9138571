import { isQError } from '@qcore/errors'
import { parsePath } from '@qcore/model'
import { invalidExpression } from './expression-error.ts'
import { expressionLimits } from './limits.ts'
import { internalFunctions } from './metered-functions.ts'
import { isOffered } from './offered-functions.ts'
import { positionAt } from './source-position.ts'
import {
  becomeIdentifier,
  callOf,
  constantText,
  identifier,
  integer,
  type CallExpr,
  type ComprehensionExpr,
  type Expr,
  type SelectExpr,
  type StructExpr,
} from './syntax.ts'

/** Names of types, which `type(x)` is compared with. */
const typeNames = ['int', 'uint', 'double', 'bool', 'string', 'bytes', 'list', 'map', 'null_type', 'type']
/** What begins a path; `ref("A->B")` is a call. */
const roots: ReadonlyMap<string, string> = new Map([
  ['entity', ''],
  ['parent', 'Parent->'],
])
const pathFunction = 'ref'

const leastInt = -(2n ** 63n)
const mostInt = 2n ** 63n - 1n
const mostUint = 2n ** 64n - 1n

export interface CheckOptions {
  readonly text: string
  readonly positions: Readonly<Record<string, number>>
  readonly variables: readonly string[]
  /** Whether `entity`, `parent` and `ref` are there. */
  readonly withPaths: boolean
}

/**
 * Checks a syntax tree, and prepares it for evaluation: paths become variables, and loops charge for each turn. Throws
 * `invalid_expression`.
 */
export class ExpressionChecker {
  /** The variables that stand for paths. */
  readonly pathVariables = new Map<string, { readonly path: string; readonly isTest: boolean }>()
  /** The text keys of maps that the expression writes down. */
  readonly mapKeys = new Set<string>()
  readonly #options: CheckOptions
  #nodes = 0

  constructor(options: CheckOptions) {
    this.#options = options
  }

  /** Checks an expression; returns the units that its evaluation costs, without calls and turns of loops. */
  check(expr: Expr): number {
    return this.#visit(expr, new Set(), 1)
  }

  #visit(expr: Expr | undefined, scope: ReadonlySet<string>, depth: number): number {
    if (expr === undefined) throw invalidExpression('a part of the expression is missing', undefined)
    if (++this.#nodes > expressionLimits.nodes) {
      throw this.#invalid(expr, `an expression has at most ${expressionLimits.nodes} parts`)
    }
    if (depth > expressionLimits.depth) {
      throw this.#invalid(expr, `an expression nests at most ${expressionLimits.depth} operations`)
    }
    const { exprKind } = expr
    switch (exprKind.case) {
      case 'constExpr':
        this.#checkConstant(expr)
        return 1
      case 'identExpr':
        this.#checkName(expr, exprKind.value.name, scope)
        return 1
      case 'selectExpr':
        return this.#visitSelect(expr, exprKind.value, scope, depth)
      case 'callExpr':
        return this.#visitCall(expr, exprKind.value, scope, depth)
      case 'listExpr':
        return this.#visitAll(exprKind.value.elements, scope, depth)
      case 'structExpr':
        return this.#visitMap(expr, exprKind.value, scope, depth)
      case 'comprehensionExpr':
        return this.#visitComprehension(expr, exprKind.value, scope, depth)
      default:
        throw this.#invalid(expr, 'this is no expression')
    }
  }

  #visitAll(parts: readonly (Expr | undefined)[], scope: ReadonlySet<string>, depth: number): number {
    let units = 1
    for (const part of parts) units += this.#visit(part, scope, depth + 1)
    return units
  }

  #checkConstant(expr: Expr): void {
    if (expr.exprKind.case !== 'constExpr') return
    const { constantKind } = expr.exprKind.value
    const isTooLarge =
      (constantKind.case === 'int64Value' && (constantKind.value < leastInt || constantKind.value > mostInt)) ||
      (constantKind.case === 'uint64Value' && constantKind.value > mostUint)
    if (isTooLarge) throw this.#invalid(expr, 'the number does not fit into 64 bits')
  }

  #checkName(expr: Expr, name: string, scope: ReadonlySet<string>): void {
    const { variables, withPaths } = this.#options
    if (scope.has(name) || variables.includes(name) || typeNames.includes(name) || name.startsWith('@')) return
    if (withPaths && roots.has(name)) throw this.#invalid(expr, `${name} must be followed by a field: ${name}.Field`)
    throw this.#invalid(expr, `there is no variable ${name}`)
  }

  #visitSelect(expr: Expr, select: SelectExpr, scope: ReadonlySet<string>, depth: number): number {
    const start = this.#options.withPaths ? this.#pathStart(select.operand) : undefined
    if (start === undefined) return this.#visitAll([select.operand], scope, depth)
    const path = start + select.field
    try {
      parsePath(path, '')
    } catch (error) {
      if (!isQError(error)) throw error
      throw this.#invalid(expr, error.message)
    }
    const name = `@${select.testOnly ? 'has' : 'path'}:${path}`
    this.pathVariables.set(name, { path, isTest: select.testOnly })
    if (this.pathVariables.size > expressionLimits.paths) {
      throw this.#invalid(expr, `an expression reads at most ${expressionLimits.paths} different fields`)
    }
    becomeIdentifier(expr, name)
    return 1
  }

  /** The path that a field is appended to; undefined if this is not where a path begins. */
  #pathStart(operand: Expr | undefined): string | undefined {
    const root = identifier(operand)
    if (root !== undefined) return roots.get(root)
    if (operand?.exprKind.case !== 'callExpr') return undefined
    const { function: name, target, args } = operand.exprKind.value
    if (name !== pathFunction || target !== undefined) return undefined
    const path = constantText(args[0])
    if (path === undefined || args.length !== 1) {
      throw this.#invalid(operand, 'ref takes one path, written down as a text: ref("Owner->Site").Field')
    }
    return `${path}->`
  }

  #visitCall(expr: Expr, call: CallExpr, scope: ReadonlySet<string>, depth: number): number {
    const { function: name, target, args } = call
    if (this.#options.withPaths && name === pathFunction && target === undefined) {
      throw this.#invalid(expr, 'ref must be followed by a field: ref("Owner").Field')
    }
    if (!isOffered(name, args.length, target !== undefined)) {
      const kind = target === undefined ? 'function' : 'method'
      throw this.#invalid(
        expr,
        `there is no ${kind} ${name} with ${args.length} argument${args.length === 1 ? '' : 's'}`,
      )
    }
    // An index that is not there is looked for among all keys of a map.
    const extra = name === '_[_]' ? 2 : 0
    return extra + this.#visitAll(target === undefined ? args : [target, ...args], scope, depth)
  }

  #visitMap(expr: Expr, { messageName, entries }: StructExpr, scope: ReadonlySet<string>, depth: number): number {
    if (messageName !== '') throw this.#invalid(expr, 'messages cannot be made')
    if (entries.length > expressionLimits.mapEntries) {
      throw this.#invalid(expr, `a map has at most ${expressionLimits.mapEntries} entries`)
    }
    let units = 1
    for (const { keyKind, value } of entries) {
      if (keyKind.case !== 'mapKey') throw this.#invalid(expr, 'a map has keys')
      const key = constantText(keyKind.value)
      if (key !== undefined) this.mapKeys.add(key)
      units += this.#visitAll([keyKind.value, value], scope, depth)
    }
    return units
  }

  #visitComprehension(expr: Expr, loop: ComprehensionExpr, scope: ReadonlySet<string>, depth: number): number {
    const { id } = expr
    const { iterVar, iterRange, accuInit, loopCondition, loopStep, result } = loop
    if (this.#isTaken(iterVar)) throw this.#invalid(expr, `${iterVar} has a meaning already: choose another name`)
    const before = this.#visitAll([iterRange, accuInit], scope, depth)
    const inner = new Set([...scope, iterVar])
    const turn = this.#visitAll([loopCondition, loopStep], inner, depth)
    const after = this.#visit(result, inner, depth + 1)
    if (iterRange === undefined || loopCondition === undefined || loopStep === undefined) return before
    loop.iterRange = callOf(id, internalFunctions.each, [iterRange])
    loop.loopCondition = callOf(id, internalFunctions.step, [loopCondition, integer(id, turn)])
    growInPlace(loopStep)
    return before + after
  }

  #isTaken(name: string): boolean {
    const { variables, withPaths } = this.#options
    return variables.includes(name) || typeNames.includes(name) || (withPaths && roots.has(name))
  }

  #invalid({ id }: Expr, message: string): ReturnType<typeof invalidExpression> {
    const { text, positions } = this.#options
    const offset = positions[id.toString()]
    return invalidExpression(message, offset === undefined ? undefined : positionAt(text, offset))
  }
}

/** `map` and `filter` add to their list by `@result + [x]`, alone or as the second part of a condition. */
function growInPlace(step: Expr): void {
  if (step.exprKind.case !== 'callExpr') return
  const { value } = step.exprKind
  const [first, second] = value.args
  if (value.function === '_?_:_' && second !== undefined) return growInPlace(second)
  if (value.function !== '_+_' || identifier(first) !== '@result' || first === undefined) return
  const element = second?.exprKind.case === 'listExpr' ? second.exprKind.value.elements[0] : undefined
  if (element !== undefined) step.exprKind = callOf(step.id, internalFunctions.append, [first, element]).exprKind
}
