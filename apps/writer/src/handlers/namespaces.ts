import { create } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import { callerOf, mayUseNamespace, requireLevel, requireNamespace } from '@qcore/access'
import { AccessLevel, NamespaceSchema, type Namespace, type NamespaceService } from '@qcore/contracts'
import {
  listNamespaces,
  loadNamespaces,
  readDatabase,
  registerNamespace,
  type Executor,
  type NamespaceRow,
} from '@qcore/database'
import { QError } from '@qcore/errors'
import { timestampFromMicros } from '@qcore/model'

const mostNamespaces = 1_000
const mostValueBytes = 1_024

/** NamespaceService: a statement a call. */
export function namespaceHandlers(executor: Executor): ServiceImpl<typeof NamespaceService> {
  return {
    async registerNamespace({ name, description, metadata }, context) {
      requireLevel(callerOf(context), AccessLevel.WRITE)
      requireNamespace(callerOf(context), name, 'name')
      assertText(description ?? '', 'description')
      for (const [key, value] of Object.entries(metadata)) {
        assertText(key, 'metadata')
        assertText(value, `metadata["${key}"]`)
      }
      const given = Object.keys(metadata).length === 0 ? undefined : metadata
      const facts = { name, description, metadata: given, most: mostNamespaces }
      const row = await readDatabase(registerNamespace(executor, facts))
      if (row === undefined) throw new QError('overloaded', `there are ${mostNamespaces} namespaces`)
      return { namespace: namespaceMessage(row), created: row.isNew }
    },
    async getNamespace({ name }, context) {
      requireNamespace(callerOf(context), name, 'name')
      const [row] = await readDatabase(loadNamespaces(executor, [name]))
      if (row !== undefined) return { namespace: namespaceMessage(row) }
      throw new QError('unknown_namespace', `the namespace ${name} is not registered`, { field: 'name' })
    },
    async listNamespaces(_, context) {
      const caller = callerOf(context)
      const rows = (await readDatabase(listNamespaces(executor))).filter(({ name }) => mayUseNamespace(caller, name))
      return { namespaces: rows.map(namespaceMessage) }
    },
  }
}

/** PostgreSQL's text has no NUL. */
function assertText(text: string, field: string): void {
  if (Buffer.byteLength(text) > mostValueBytes) {
    throw new QError('invalid_request', `at most ${mostValueBytes} bytes`, { field })
  }
  if (text.includes('\0')) throw new QError('invalid_request', 'the NUL character cannot be kept', { field })
}

function namespaceMessage({ name, description, metadata, createdUs, updatedUs }: NamespaceRow): Namespace {
  return create(NamespaceSchema, {
    name,
    description,
    metadata,
    createTime: timestampFromMicros(createdUs),
    updateTime: timestampFromMicros(updatedUs),
  })
}
