import { create } from '@bufbuild/protobuf'
import type { Claims } from '@qcore/access'
import { AccessLevel, TypeSchemaSchema, ValueType, type TypeSchema } from '@qcore/contracts'
import { addEntity, initialFields, rootType } from '../mutation/create-entity.ts'
import { rootId } from '../mutation/announce-schema-change.ts'
import { storeSchema } from '../mutation/set-schema.ts'
import type { CommitContext } from './commit-context.ts'

/** Who makes the first commit. */
export const platform: Claims = {
  subject: 'qcore',
  level: AccessLevel.ADMIN,
  scopes: [],
  tokenId: '',
  issuedAt: 0,
  expiresAt: 0,
}

/** The types that every store has. */
const firstSchemas: readonly TypeSchema[] = [
  create(TypeSchemaSchema, {
    type: rootType,
    description: 'The one entity without a parent.',
    fields: [{ name: 'SchemaUpdateTrigger', valueType: ValueType.CHOICE, choices: ['Trigger'] }],
  }),
  create(TypeSchemaSchema, {
    type: 'Folder',
    description: 'Holds other entities.',
    fields: [{ name: 'Description', valueType: ValueType.STRING }],
  }),
]

/** Makes what every store begins with: the first types, and the root. */
export function makeFirstCommit(context: CommitContext): void {
  for (const schema of firstSchemas) storeSchema(context, schema, 'schema')
  const root = context.state.type(rootType)
  if (root === undefined) throw new Error('the type of the root is missing')
  const fields = initialFields(context, root, { given: {}, path: '' })
  addEntity(context, { id: rootId, type: rootType, name: 'Root', parentId: '', place: '', depth: 1, fields })
}
