export { evaluateFlag } from './evaluate-flag.ts'
export { flagPrefix } from './flag-definition.ts'
export type { FlagContext } from './condition.ts'
export type { FlagError, FlagReason, FlagResult } from './evaluate-flag.ts'
