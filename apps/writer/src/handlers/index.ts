import type { ConnectRouter } from '@connectrpc/connect'
import { CommitService } from '@qcore/contracts'
import type { CommitQueue } from '../commit/commit-queue.ts'
import { commit } from './commit.ts'
import { commitMany } from './commit-many.ts'

/** What the handlers need. */
export interface HandlerOptions {
  readonly queue: CommitQueue
}

/** Registers the methods that the writer serves. */
export function registerHandlers(router: ConnectRouter, { queue }: HandlerOptions): void {
  router.service(CommitService, {
    commit: (request, context) => commit(queue, request, context),
    commitMany: (request, context) => commitMany(queue, request, context),
  })
}
