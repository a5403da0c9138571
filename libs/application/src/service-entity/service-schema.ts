import { isQError, QError, type Client, type FieldDefinitionInput, type TypeSchemaInput } from '@qcore/client'
import { logLevels } from '../worker.ts'

/** How an application shows itself in the store; shared by its instances. */
export const serviceSchema = {
  type: 'Service',
  description: 'An application',
  fields: {
    ApplicationName: { type: 'String' },
    LogLevel: {
      type: 'Choice',
      choices: logLevels,
      default: 'info',
      description: 'A write changes the level of all instances while they run',
    },
    Leader: { type: 'String', description: 'The instance that leads; empty: none' },
    LeaderTerm: { type: 'Int', description: 'The term of the newest leader: its fencing token' },
    Candidates: { type: 'String', description: 'The live candidates, the oldest first, separated by commas' },
    HeartbeatTrigger: { type: 'Int', description: 'Written by the leader while it leads' },
    FailOverTrigger: { type: 'Int', description: 'A write makes the leader hand over' },
  },
} as const satisfies TypeSchemaInput

/**
 * Creates the type, or adds the fields that it lacks; that needs a token of level admin, once.
 *
 * @throws QError `type_mismatch` if a field that is there is of another type
 */
export async function prepareServiceType(q: Client, signal: AbortSignal): Promise<void> {
  const present = await q.schema(serviceSchema.type, { signal, consistency: 'latest' }).catch((error: unknown) => {
    if (!isQError(error, 'unknown_type')) throw error
    return undefined
  })
  if (present === undefined) {
    await q.setSchema(serviceSchema, { signal })
    return
  }
  const missing: Record<string, FieldDefinitionInput> = {}
  for (const [name, definition] of Object.entries<FieldDefinitionInput>(serviceSchema.fields)) {
    const field = present.fields[name]
    if (field === undefined) missing[name] = definition
    else if (field.type !== definition.type) {
      throw new QError('type_mismatch', `Service.${name} is of the type ${field.type}, not ${definition.type}`, {
        field: `Service.${name}`,
      })
    }
  }
  if (Object.keys(missing).length === 0) return
  await q.setSchema({ ...present, fields: { ...present.fields, ...missing } }, { signal })
}
