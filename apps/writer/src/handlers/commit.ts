import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import type { CommitRequest, CommitResponse } from '@qcore/contracts'
import { checkRequest } from '../commit/check-request.ts'
import type { CommitQueue } from '../commit/commit-queue.ts'
import { sizeOfRequest } from '../commit/pending-commit.ts'

/** CommitService.Commit: makes one commit. */
export function commit(queue: CommitQueue, request: CommitRequest, context: HandlerContext): Promise<CommitResponse> {
  const caller = callerOf(context)
  checkRequest(request, '', caller)
  return new Promise((resolve, reject) => {
    const settle = (outcome: CommitResponse | Error): void => {
      if (outcome instanceof Error) reject(outcome)
      else resolve(outcome)
    }
    queue.push([{ request, caller, signal: context.signal, sizeBytes: sizeOfRequest(request), settle }])
  })
}
