import type { ConnectRouter } from '@connectrpc/connect'
import { callerOf, requireNamespace } from '@qcore/access'
import { EventLogService, HistoryService, QueryService, ReadService, SnapshotService } from '@qcore/contracts'
import type { ReaderContext } from '../context.ts'
import { checkExists } from './check-exists.ts'
import { explain } from './explain.ts'
import { findEntities } from './find-entities.ts'
import { getEntities } from './get-entities.ts'
import { getEvent } from './get-event.ts'
import { getRoot } from './get-root.ts'
import { getSchema } from './get-schema.ts'
import { getStatus } from './get-status.ts'
import { listChanges } from './list-changes.ts'
import { listChildren } from './list-children.ts'
import { listCommits } from './list-commits.ts'
import { listSchemaVersions } from './list-schema-versions.ts'
import { listTypes } from './list-types.ts'
import { query } from './query.ts'
import { readFields } from './read-fields.ts'
import { searchEvents } from './search-events.ts'
import { saveSnapshot } from './save-snapshot.ts'

export function registerHandlers(router: ConnectRouter, reader: ReaderContext): void {
  router.service(ReadService, {
    checkExists: (request, caller) => checkExists(reader, request, caller),
    findEntities: (request, caller) => findEntities(reader, request, caller),
    getEntities: (request, caller) => getEntities(reader, request, caller),
    getRoot: (request, caller) => getRoot(reader, request, caller),
    getSchema: (request, caller) => getSchema(reader, request, caller),
    getStatus: () => getStatus(reader),
    listChildren: (request, caller) => listChildren(reader, request, caller),
    listSchemaVersions: (request, caller) => listSchemaVersions(reader, request, caller),
    listTypes: (request, caller) => listTypes(reader, request, caller),
    readFields: (request, caller) => readFields(reader, request, caller),
  })
  router.service(HistoryService, {
    listChanges: (request, caller) => listChanges(reader, request, caller),
    listCommits: (request, caller) => listCommits(reader, request, caller),
  })
  router.service(EventLogService, {
    getEvent: (request, call) => getEvent(reader, request, callerOf(call)),
    searchEvents: (request, call) => {
      requireNamespace(callerOf(call), request.namespace, 'namespace')
      return searchEvents(reader, request)
    },
  })
  router.service(SnapshotService, { saveSnapshot: (_request, call) => saveSnapshot(reader, call) })
  router.service(QueryService, {
    explain: (request, caller) => explain(reader, request, caller),
    query: (request, caller) => query(reader, request, caller),
  })
}
