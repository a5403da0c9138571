import { setTimeout as delay } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import { PlanRestoreResponseSchema, type PlanRestoreRequest, type PlanRestoreResponse } from '@qcore/contracts'
import { readError } from '@qcore/database'
import { planRestore as makePlan } from '../restore/plan-restore.ts'
import { openConnection, type RestoreContext } from '../restore/restore-context.ts'
import { stageRestore } from '../restore/stage-restore.ts'
import { dropRestorePartTable } from '../restore/sql/restores.ts'

/** Time between two messages that tell how far the reading is. */
const progressMs = 1_000

/** RestoreService.PlanRestore. */
export async function* planRestore(
  restores: RestoreContext,
  { restoreId: id, parts }: PlanRestoreRequest,
  context: HandlerContext,
): AsyncGenerator<PlanRestoreResponse, void> {
  await using opened = await openConnection(restores)
  const { connection } = opened
  const ended = new AbortController()
  const signal = AbortSignal.any([context.signal, ended.signal])
  let fieldsRead = 0
  const onProgress = (fields: number): void => {
    fieldsRead = fields
  }
  const caller = callerOf(context).subject
  const staging = stageRestore(connection, { id, parts, caller, signal, onProgress })
  const isOver = staging.then(
    () => true,
    () => true,
  )
  try {
    while (!(await Promise.race([isOver, tick(ended.signal)]))) {
      yield create(PlanRestoreResponseSchema, { fieldsRead: BigInt(fieldsRead) })
    }
    const row = await staging
    await dropRestorePartTable(connection, id)
    const plan = await makePlan(connection, id, row.staged)
    yield create(PlanRestoreResponseSchema, { fieldsRead: BigInt(row.staged.fields), plan })
  } catch (error) {
    throw readError(error)
  } finally {
    ended.abort()
    // Whoever leaves early leaves the connection to nobody while a statement runs on it.
    await isOver
  }
}

/** False, after a while. */
async function tick(signal: AbortSignal): Promise<false> {
  await delay(progressMs, undefined, { signal }).catch(() => undefined)
  return false
}
