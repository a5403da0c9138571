import { createHash, randomBytes } from 'node:crypto'
import { createClient, type Client } from '@connectrpc/connect'
import { mintToken } from '@qcore/access'
import { AccessLevel, RestoreService, type ApplyRestoreResponse, type RestorePlan } from '@qcore/contracts'
import { createNatsTransport } from '@qcore/transport'
import { authSecret, type TestStore } from './_writer-client.ts'

/** A folder of a snapshot file. */
export interface FolderInFile {
  id: string
  parentId?: string
  description?: string
}

const writeTime = '2026-01-01T00:00:00Z'

/** A snapshot file with the types and the root that every store has, and folders. */
export function folderFile(folders: readonly FolderInFile[]): string {
  const string = (value: string): object => ({ string: value })
  const lines = [
    { header: { formatVersion: 1, store: 'other', revision: '9', logId: 'x', time: writeTime } },
    { schema: { type: 'Folder', fields: [{ name: 'Description', valueType: 'VALUE_TYPE_STRING', id: 2 }] } },
    {
      schema: {
        type: 'Root',
        fields: [{ name: 'SchemaUpdateTrigger', valueType: 'VALUE_TYPE_CHOICE', choices: ['Trigger'], id: 1 }],
      },
    },
    { entity: { id: 'root', type: 'Root', name: 'Root' }, fields: [] },
    ...folders.map(({ id, parentId = 'root', description = '' }) => ({
      entity: { id, type: 'Folder', name: id, parentId },
      fields: [{ name: 'Description', value: string(description), writeTime, writer: 'ada' }],
    })),
  ]
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  const sha256 = createHash('sha256').update(text).digest('hex')
  const end = { schemas: '2', entities: `${folders.length + 1}`, fields: `${folders.length}`, sha256 }
  return `${text}${JSON.stringify({ end })}\n`
}

/** Restores over NATS, as a client would make them. */
export class Restores {
  readonly calls: Client<typeof RestoreService>

  private constructor(calls: Client<typeof RestoreService>) {
    this.calls = calls
  }

  static async of({ connection, store }: TestStore): Promise<Restores> {
    const { token } = await mintToken(authSecret, {
      subject: 'restorer',
      level: AccessLevel.ADMIN,
      scopes: [],
      lifetimeSeconds: 600,
    })
    const transport = createNatsTransport({
      connection,
      store,
      interceptors: [
        (next) => (request) => {
          request.header.set('authorization', `Bearer ${token}`)
          return next(request)
        },
      ],
    })
    return new Restores(createClient(RestoreService, transport))
  }

  /** Sends a file and plans it. */
  async plan(file: string, under = ''): Promise<{ id: string; plan: RestorePlan }> {
    const restoreId = randomBytes(16).toString('hex')
    await this.calls.beginRestore({ restoreId, under })
    const bytes = Buffer.from(file)
    let parts = 0
    for (let start = 0; start < bytes.length; start += 400_000) {
      const content = bytes.subarray(start, start + 400_000)
      await this.calls.addRestorePart({ restoreId, sequence: parts++, content })
    }
    let plan: RestorePlan | undefined
    for await (const response of this.calls.planRestore({ restoreId, parts })) plan = response.plan
    if (plan === undefined) throw new Error('there is no plan')
    return { id: restoreId, plan }
  }

  async apply(restoreId: string, expectedRevision?: bigint): Promise<ApplyRestoreResponse> {
    const request = expectedRevision === undefined ? { restoreId } : { restoreId, expectedRevision }
    for await (const response of this.calls.applyRestore(request)) return response
    throw new Error('there is no answer')
  }
}
