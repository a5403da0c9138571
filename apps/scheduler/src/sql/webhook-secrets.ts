import type { Executor } from '@qcore/database'
import { nowUs } from './clock.ts'

/** Former secrets of a schedule that requests are signed with at most: the newest ones. */
const mostFormer = 3

/** The secret of a schedule, as it is stored; null: it has none. */
export async function loadSealedSecret(executor: Executor, scheduleId: string): Promise<Buffer | null> {
  const { rows } = await executor.query<{ secret: Buffer | null }>({
    name: 'load_sealed_secret',
    text: 'select secret from schedule where id = $1',
    values: [scheduleId],
  })
  return rows[0]?.secret ?? null
}

/** The former secrets of a schedule, the newest first. */
export async function loadFormerSecretsOf(
  executor: Executor,
  scheduleId: string,
): Promise<{ sealed: Buffer; untilUs: number }[]> {
  const { rows } = await executor.query<{ sealed: Buffer; untilUs: number }>({
    name: 'load_former_secrets_of',
    text: `select sealed, until_us as "untilUs" from schedule_secret where schedule_id = $1 order by until_us desc`,
    values: [scheduleId],
  })
  return rows
}

/**
 * Has requests of a schedule signed with a secret too, for a while; one that they are signed with already, for longer. Returns
 * until when, in microseconds since 1970.
 */
export async function keepFormerSecret(
  executor: Executor,
  { scheduleId, sealed, overlapMs }: { scheduleId: string; sealed: Uint8Array; overlapMs: number },
): Promise<number> {
  const { rows } = await executor.query<{ untilUs: number }>({
    name: 'keep_former_secret',
    text: `
      with former as (
        select ctid from schedule_secret where schedule_id = $1 and sealed <> $2 order by until_us desc offset $4),
      dropped as (
        delete from schedule_secret where ctid in (select ctid from former)),
      prolonged as (
        update schedule_secret set until_us = greatest(until_us, ${nowUs} + $3) where schedule_id = $1 and sealed = $2
        returning until_us),
      added as (
        insert into schedule_secret (schedule_id, sealed, until_us)
        select $1, $2, ${nowUs} + $3 where not exists (select from prolonged)
        returning until_us)
      select until_us as "untilUs" from prolonged union all select until_us from added`,
    values: [scheduleId, sealed, Math.round(overlapMs * 1_000), mostFormer - 1],
  })
  return rows[0]?.untilUs ?? 0
}

/** Has requests of a schedule signed with its present secret only. */
export async function dropFormerSecrets(executor: Executor, scheduleId: string): Promise<void> {
  await executor.query({
    name: 'drop_former_secrets',
    text: 'delete from schedule_secret where schedule_id = $1',
    values: [scheduleId],
  })
}

/** Deletes former secrets that nothing is signed with any more. */
export async function deleteEndedSecrets(executor: Executor): Promise<void> {
  await executor.query({
    name: 'delete_ended_secrets',
    text: `delete from schedule_secret where until_us <= ${nowUs}`,
  })
}

/** A sealed secret, with the schedule that it belongs to. */
export interface SealedSecret {
  scheduleId: string
  sealed: Buffer
}

/** Secrets of schedules, in the order of their ids. */
export async function loadSealedSecrets(
  executor: Executor,
  { afterId, limit }: { afterId: string; limit: number },
): Promise<SealedSecret[]> {
  const { rows } = await executor.query<SealedSecret>({
    name: 'load_sealed_secrets',
    text: `
      select id as "scheduleId", secret as sealed from schedule where secret is not null and id > $1 order by id limit $2`,
    values: [afterId, limit],
  })
  return rows
}

/** Former secrets that are still in use: few, and for a while only. */
export async function loadFormerSecrets(executor: Executor): Promise<SealedSecret[]> {
  const { rows } = await executor.query<SealedSecret>({
    name: 'load_former_secrets',
    text: 'select schedule_id as "scheduleId", sealed from schedule_secret order by schedule_id',
  })
  return rows
}

/** A secret that was sealed anew. */
export interface ResealedSecret extends SealedSecret {
  readonly resealed: Buffer
}

/** Stores secrets that were sealed anew. What was changed meanwhile, or is locked, stays as it is. Returns how many. */
export async function storeResealed(executor: Executor, secrets: readonly ResealedSecret[]): Promise<number> {
  const { rows } = await executor.query<{ count: number }>({
    name: 'store_resealed',
    text: `
      with resealed as (
        select * from unnest($1::text[], $2::bytea[], $3::bytea[]) as resealed (id, before, after)),
      locked as (
        select schedule.id, resealed.after from schedule join resealed using (id)
        where schedule.secret = resealed.before for update of schedule skip locked),
      changed as (
        update schedule set secret = locked.after from locked where schedule.id = locked.id returning 1),
      former as (
        update schedule_secret set sealed = resealed.after from resealed
        where schedule_secret.schedule_id = resealed.id and schedule_secret.sealed = resealed.before returning 1)
      select ((select count(*) from changed) + (select count(*) from former))::int as count`,
    values: [
      secrets.map(({ scheduleId }) => scheduleId),
      secrets.map(({ sealed }) => sealed),
      secrets.map(({ resealed }) => resealed),
    ],
  })
  return rows[0]?.count ?? 0
}
