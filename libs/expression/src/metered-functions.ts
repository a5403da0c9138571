import { celError, celList, isCelError, isCelList, type CelEnv, type CelList, type CelValue } from '@bufbuild/cel'
import type { CostMeter } from './cost-meter.ts'
import { expressionLimits } from './limits.ts'
import { environment } from './offered-functions.ts'
import { chargeWhole, lengthCost, lengthOf, unitLength } from './value-cost.ts'

type Resolver = CelEnv['funcs']
type Group = NonNullable<ReturnType<Resolver['find']>>

/** Characters of text and pattern that are compared for a unit. */
const comparedLength = 128
/** Elements of lists that are copied for a unit. */
const copiedElements = 8
/** How much more a function costs that looks at each character by itself. */
const characterCost = 6
/** What an error costs, which takes note of where it happened. */
const errorCost = 8
/** What a conversion or a calculation with times costs. */
const objectCost = 3
/** Instructions times characters that a regular expression takes for a unit. */
const matchedLength = 4

/** The names of the functions that the compiler puts into expressions. */
export const internalFunctions = { each: '@each', step: '@step', append: '@append' } as const

/** The environment whose functions charge a meter for what they will cost before they do it. */
export function meteredEnvironment(currentMeter: () => CostMeter): CelEnv {
  const groups = new Map<string, Group | undefined>([
    [internalFunctions.each, call((_, [range]) => charged(range, currentMeter()))],
    [internalFunctions.step, call((_, [condition, units]) => (currentMeter().charge(Number(units)), condition))],
    [internalFunctions.append, call((_, [list, element]) => append(list, element))],
  ])
  const find = (name: string): Group | undefined => {
    if (!groups.has(name)) groups.set(name, metered(environment.funcs.find(name), currentMeter))
    return groups.get(name)
  }
  return Object.create(environment, { funcs: { value: { find } } }) as CelEnv
}

type Call = (target: CelValue | undefined, args: CelValue[], id: number) => ReturnType<Group['call']>

function call(run: Call): Group {
  return { call: (id: number, target: CelValue | undefined, args: CelValue[]) => run(target, args, id) } as Group
}

function metered(group: Group | undefined, currentMeter: () => CostMeter): Group | undefined {
  if (group === undefined) return undefined
  return call((target, args, id) => {
    const operands = target === undefined ? args : [target, ...args]
    if (group.name === 'matches' && lengthOf(operands[1]) > expressionLimits.patternCharacters) {
      return celError(`a pattern has at most ${expressionLimits.patternCharacters} characters`, id)
    }
    chargeCall(group.name, operands, currentMeter())
    const result = group.call(id, target, args)
    if (!isCelError(result)) return result
    currentMeter().charge(errorCost)
    return result.exprId === undefined ? celError(new Error(result.message, { cause: result.cause }), id) : result
  })
}

/** Charges for a call, at least as much as it can cost. */
function chargeCall(name: string, operands: CelValue[], meter: CostMeter): void {
  const [first, second, third] = operands
  switch (name) {
    case '_==_':
    case '_!=_':
    case '@in':
    case 'join':
      for (const operand of operands) chargeWhole(operand, meter)
      if (isCelList(first)) meter.charge(first.size * lengthCost(second))
      return
    case '_+_':
      if (isCelList(first) && isCelList(second)) return meter.charge(1 + (first.size + second.size) / copiedElements)
      return meter.charge(1 + operands.reduce<number>((units, operand) => units + callCost(operand), 0))
    case 'lowerAscii':
    case 'upperAscii':
    case 'trim':
      return meter.charge(1 + characterCost * lengthCost(first))
    case 'timestamp':
    case 'duration':
      return meter.charge(2 * objectCost + lengthCost(first))
    case 'contains':
    case 'indexOf':
    case 'lastIndexOf':
    case 'split':
      return meter.charge(1 + searchCost(first, second))
    case 'replace':
      return meter.charge(1 + searchCost(first, second) + replacementCost(first, second, third))
    case 'matches':
      return meter.charge(1 + matchCost(lengthOf(first), second))
    default:
      return meter.charge(operands.reduce<number>((units, operand) => units + callCost(operand), 1))
  }
}

function callCost(operand: CelValue): number {
  return typeof operand === 'object' ? objectCost + lengthCost(operand) : lengthCost(operand)
}

/** Every place of the text may be compared with all of what is searched. */
function searchCost(text: CelValue | undefined, wanted: CelValue | undefined): number {
  return (lengthOf(text) * (1 + lengthOf(wanted))) / comparedLength + lengthCost(text)
}

/** The replacement may be put at every place where the wanted text fits. */
function replacementCost(
  text: CelValue | undefined,
  wanted: CelValue | undefined,
  replacement: CelValue | undefined,
): number {
  const places = lengthOf(text) / Math.max(1, lengthOf(wanted))
  return places / copiedElements + (lengthOf(text) + places * lengthOf(replacement)) / unitLength
}

/** A regular expression has up to as many instructions as characters, times how often its counts repeat them. */
function matchCost(textLength: number, pattern: CelValue | undefined): number {
  const text = typeof pattern === 'string' ? pattern : ''
  let repeats = 1
  for (const [, least, most] of text.matchAll(/\{(\d+)(?:,(\d*))?\}/g)) {
    repeats = Math.min(1_000, repeats * Math.max(1, Number(least), Number(most ?? 0)))
  }
  return ((1 + textLength) * (1 + text.length) * repeats) / matchedLength
}

function charged(range: CelValue | undefined, meter: CostMeter): CelValue {
  meter.charge(isCelList(range) ? range.size / copiedElements : 1)
  return range ?? null
}

/** The arrays behind the lists that comprehensions build. Nothing else sees such a list before it is complete. */
const growing = new WeakMap<CelList, CelValue[]>()

function append(list: CelValue | undefined, element: CelValue | undefined): CelValue {
  const elements = isCelList(list) ? growing.get(list) : undefined
  if (isCelList(list) && elements !== undefined) {
    elements.push(element ?? null)
    return list
  }
  const begun = [element ?? null]
  const grown = celList(begun)
  growing.set(grown, begun)
  return grown
}
