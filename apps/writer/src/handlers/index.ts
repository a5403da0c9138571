import type { ConnectRouter } from '@connectrpc/connect'
import { CommitService, EventService, NamespaceService, RestoreService, TemporaryService } from '@qcore/contracts'
import { abandonRestore } from './abandon-restore.ts'
import { addRestorePart } from './add-restore-part.ts'
import { applyRestore } from './apply-restore.ts'
import { beginRestore } from './begin-restore.ts'
import { commit } from './commit.ts'
import { commitMany } from './commit-many.ts'
import { emit } from './emit.ts'
import type { HandlerOptions } from './handler-options.ts'
import { namespaceHandlers } from './namespaces.ts'
import { planRestore } from './plan-restore.ts'
import { temporaryHandlers } from './temporary.ts'

/** Registers the methods that the writer serves. */
export function registerHandlers(router: ConnectRouter, options: HandlerOptions): void {
  router.service(CommitService, {
    commit: (request, context) => commit(options.queue, request, context),
    commitMany: (request, context) => commitMany(options, request, context),
  })
  router.service(RestoreService, {
    beginRestore: (request) => beginRestore(options, request),
    addRestorePart: (request) => addRestorePart(options, request),
    planRestore: (request, context) => planRestore(options, request, context),
    applyRestore: (request, context) => applyRestore(options, request, context),
    abandonRestore: (request) => abandonRestore(options, request),
  })
  router.service(EventService, { emit: (request, context) => emit(options.queue, request, context) })
  router.service(NamespaceService, namespaceHandlers(options.temporaryPool))
  router.service(TemporaryService, temporaryHandlers(options.temporaryPool))
}
