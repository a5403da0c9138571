import { toJson } from '@bufbuild/protobuf'
import { SnapshotHeaderSchema } from '@qcore/contracts'
import { loadTypes, transact, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { limits, microsFromTimestamp } from '@qcore/model'
import { readSnapshotFile } from './snapshot-file.ts'
import {
  countStaged,
  createStagingTables,
  deleteOutside,
  findStagedChildren,
  findStagedRoots,
  indexStaged,
  insertStagedType,
  isStaged,
  refuseDuplicates,
  refuseUnreached,
  setStagedDepths,
} from './sql/staging.ts'
import { loadPart, storeStaged, type RestoreRow, type StagedFacts } from './sql/restores.ts'
import { StagedEntities } from './staged-entities.ts'
import { StagedRows } from './staged-rows.ts'
import { stagedBytes, StagedTypes } from './staged-types.ts'
import { openRestore } from './open-restore.ts'

export interface StageOptions {
  readonly id: string
  /** Parts of the file. */
  readonly parts: number
  /** Who restores. */
  readonly caller: string
  readonly signal: AbortSignal
  /** Told now and then how many fields were read. */
  readonly onProgress: (fields: number) => void
}

/**
 * Reads the file of a restore into its tables, as one transaction; once. The store is not touched.
 *
 * @throws QError `invalid_snapshot`, `unknown_restore`, `unknown_entity`, `invalid_path`, `overloaded`
 */
export function stageRestore(
  connection: Executor,
  options: StageOptions,
): Promise<RestoreRow & { staged: StagedFacts }> {
  return transact(connection, async () => {
    const row = await openRestore(connection, options.id)
    if (row.staged !== null) return { ...row, staged: row.staged }
    await createStagingTables(connection, options.id)
    const header = await readFile(connection, row, options)
    const underId = await arrangeTree(connection, row)
    const staged = { header, underId, ...(await countStaged(connection, options.id)) }
    await storeStaged(connection, options.id, staged)
    return { ...row, staged }
  })
}

/** Reads all of the file; returns its header. */
async function readFile(connection: Executor, { under }: RestoreRow, options: StageOptions): Promise<unknown> {
  const { id, caller, signal, onProgress } = options
  const present = under === '' ? [] : (await loadTypes(connection)).schemas
  const types = new StagedTypes(present)
  const rows = new StagedRows(connection, id)
  let entities: StagedEntities | undefined
  let header: unknown
  for await (const { item, line } of readSnapshotFile(readParts(connection, options))) {
    switch (item.kind) {
      case 'header': {
        header = toJson(SnapshotHeaderSchema, item.header)
        const { time } = item.header
        const writeTimeUs = time === undefined ? 0 : Number(microsFromTimestamp(time, 'header.time'))
        entities = new StagedEntities(types, rows, { writeTimeUs, writer: caller })
        break
      }
      case 'schema': {
        const model = types.add(item.schema, line)
        await insertStagedType(connection, { id, name: model.name, schema: stagedBytes(model) })
        break
      }
      case 'entity':
        entities?.begin(item.entity)
        entities?.add(item.fields)
        break
      case 'fields':
        entities?.add(item.fields)
    }
    if (!rows.isFull) continue
    await rows.flush()
    signal.throwIfAborted()
    onProgress(rows.fields)
  }
  entities?.end()
  await rows.flush()
  return header
}

/** The parts in order. Between two of them the commits of this process have a turn: they are read from PostgreSQL. */
async function* readParts(connection: Executor, { id, parts }: StageOptions): AsyncGenerator<Buffer, void> {
  for (let sequence = 0; sequence < parts; sequence++) {
    const part = await loadPart(connection, id, sequence)
    if (part === undefined) throw new QError('invalid_snapshot', `part ${sequence} is missing`, { field: 'parts' })
    yield part
  }
}

/** Finds what is restored, leaves the rest out, and looks for what has no place in the tree. Returns its id, or ''. */
async function arrangeTree(connection: Executor, { id, under }: RestoreRow): Promise<string> {
  await refuseDuplicates(connection, id)
  await indexStaged(connection, id)
  const [rootId, other] = await findStagedRoots(connection, id)
  if (rootId === undefined || other !== undefined) {
    throw new QError('invalid_snapshot', 'the file does not have exactly one entity without a parent')
  }
  const topId = under === '' ? rootId : await findTop(connection, { id, under, rootId })
  await setStagedDepths(connection, { id, topId, mostLevels: limits.treeDepth })
  if (topId !== rootId) await deleteOutside(connection, id)
  else await refuseUnreached(connection, id)
  return under === '' ? '' : topId
}

/** The entity that a restore names. */
async function findTop(
  connection: Executor,
  { id, under, rootId }: { id: string; under: string; rootId: string },
): Promise<string> {
  if (!under.startsWith('/')) {
    if (await isStaged(connection, id, under)) return under
    throw new QError('unknown_entity', `the file has no entity ${under}`, { field: 'under' })
  }
  let topId = rootId
  for (const name of under.split('/').filter((part) => part !== '')) {
    const [childId, other] = await findStagedChildren(connection, { id, parentId: topId, name })
    if (childId === undefined) {
      throw new QError('unknown_entity', `the file has no ${name} where ${under} leads`, { field: 'under' })
    }
    if (other !== undefined) {
      throw new QError('invalid_path', `the file has more than one ${name} where ${under} leads: use an id`, {
        field: 'under',
      })
    }
    topId = childId
  }
  return topId
}
