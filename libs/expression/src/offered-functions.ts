import { celEnv, type CelEnv } from '@bufbuild/cel'
import { strings } from '@bufbuild/cel/ext'
import { conversions } from './conversions.ts'
import { sequenceFunctions } from './sequence-functions.ts'
import { timeFunctions } from './time-functions.ts'

/** Methods of strings that are offered beside the standard ones. `format` and `quote` are not. */
const offeredStrings = [
  'charAt',
  'indexOf',
  'join',
  'lastIndexOf',
  'lowerAscii',
  'replace',
  'split',
  'substring',
  'trim',
  'upperAscii',
]

/** Evaluated by the evaluator itself, not called. */
const operators = ['_?_:_/3', '_&&_/2', '_||_/2', '_[_]/2', '@not_strictly_false/1']

/** Take the name of a time zone, and what those say changes. */
const zoned = /^google\.protobuf\.Timestamp\.get\w+\(string\)$/

/** The functions of the standard and of the platform; those of the platform take precedence. */
export const environment: CelEnv = celEnv({
  funcs: [
    ...[...strings].filter(({ name }) => offeredStrings.includes(name)),
    ...conversions,
    ...sequenceFunctions,
    ...timeFunctions,
  ],
})

const offered: ReadonlySet<string> = new Set([
  ...operators,
  ...[...environment.funcs]
    .filter(({ id }) => !zoned.test(id))
    .map((func) => signature(func.name, func.arguments.length, func.target !== undefined)),
])

/** Whether an expression may call a function. */
export function isOffered(name: string, argumentCount: number, isMethod: boolean): boolean {
  return offered.has(signature(name, argumentCount, isMethod))
}

function signature(name: string, argumentCount: number, isMethod: boolean): string {
  return `${isMethod ? '.' : ''}${name}/${argumentCount}`
}
