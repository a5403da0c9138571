import type { ConnectRouter } from '@connectrpc/connect'
import { CommitService } from '@qcore/contracts'
import { commit } from './commit.ts'
import { commitMany } from './commit-many.ts'
import type { HandlerOptions } from './handler-options.ts'

/** Registers the methods that the writer serves. */
export function registerHandlers(router: ConnectRouter, options: HandlerOptions): void {
  router.service(CommitService, {
    commit: (request, context) => commit(options.queue, request, context),
    commitMany: (request, context) => commitMany(options, request, context),
  })
}
