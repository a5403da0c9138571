import { create } from '@bufbuild/protobuf'
import { ProblemSchema, type Problem } from '@qcore/contracts'
import type { ErrorCode } from '@qcore/errors'

/** Why an item of a request has no result. */
export function problem(code: ErrorCode, message: string, field: string): Problem {
  const result = create(ProblemSchema)
  result.code = code
  result.message = message
  result.field = field
  return result
}
