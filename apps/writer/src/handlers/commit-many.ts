import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import {
  CommitManyResponseSchema,
  CommitOutcomeSchema,
  ProblemSchema,
  type CommitManyRequest,
  type CommitManyResponse,
  type CommitOutcome,
  type CommitRequest,
  type CommitResponse,
} from '@qcore/contracts'
import { isQError, type QError } from '@qcore/errors'
import { checkRequest } from '../commit/check-request.ts'
import { sizeOfRequest } from '../commit/pending-commit.ts'
import type { HandlerOptions } from './handler-options.ts'

/** CommitService.CommitMany: makes several commits, each with an outcome of its own. */
export async function commitMany(
  { queue, sessions }: HandlerOptions,
  request: CommitManyRequest,
  context: HandlerContext,
): Promise<CommitManyResponse> {
  const { commits } = request
  const caller = callerOf(context)
  for (const [index, commit] of commits.entries()) checkRequest(commit, `commits[${index}].`, caller)
  const outcomes: (CommitResponse | QError)[] = Array.from({ length: commits.length })
  let waiting = commits.length
  await new Promise<void>((resolve) => {
    const pending = commits.map((commit, index) => ({
      request: commit,
      caller,
      signal: isSentAgain(request, commit) ? undefined : context.signal,
      sizeBytes: sizeOfRequest(commit),
      settle: (outcome: CommitResponse | QError): void => {
        outcomes[index] = outcome
        if (--waiting === 0) resolve()
      },
    }))
    sessions.check(request)
    queue.push(pending)
    sessions.take(request)
  })
  const [first] = outcomes
  // Nothing was begun: the caller may send the whole request again.
  if (isQError(first, 'not_leader') && outcomes.every((outcome) => isQError(outcome, 'not_leader'))) throw first
  const response = create(CommitManyResponseSchema)
  response.outcomes = outcomes.map(outcomeMessage)
  return response
}

/**
 * Whether whoever gave up waiting for a commit sends it again, with others of the session behind it: those may be in the
 * queue already, and it keeps its place before them. The next attempt gets its answer by the key.
 */
function isSentAgain({ session }: CommitManyRequest, { idempotencyKey }: CommitRequest): boolean {
  return session !== '' && idempotencyKey !== ''
}

function outcomeMessage(outcome: CommitResponse | QError): CommitOutcome {
  const message = create(CommitOutcomeSchema)
  if (isQError(outcome)) {
    const { code, message: text, field } = outcome
    message.outcome = { case: 'problem', value: create(ProblemSchema, { code, message: text, field }) }
  } else {
    message.outcome = { case: 'response', value: outcome }
  }
  return message
}
