export { QError, isQError } from './qcore-error.ts'
export { errorRegistry, isErrorCode } from './registry.ts'
export type { QErrorOptions } from './qcore-error.ts'
export type { ErrorCode, WireStatus } from './registry.ts'
