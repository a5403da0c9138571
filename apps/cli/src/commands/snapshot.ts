import { open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import { isEmptyPlan, QError, type Client, type Restore, type RestoreOptions } from '@qcore/client'
import type { Io } from '../io.ts'
import { outJson, withSession, type Session } from '../session.ts'
import { jsonOfPlan, textOfPlan } from '../plan-text.ts'

interface RestoreFlags {
  under?: string
  dryRun?: boolean
  yes?: boolean
}

export function addSnapshot(program: Command, io: Io): void {
  const snapshot = program.command('snapshot').description('copy the store to a file, and back')
  snapshot
    .command('save')
    .description('write the whole store, as it is at one revision, to a file')
    .argument('<file>', 'the file; - for the standard output')
    .action((file: string, _options: unknown, command: Command) =>
      withSession(command, io, (session) => (file === '-' ? writeOut(session) : writeFile(session, file))),
    )
  snapshot
    .command('restore')
    .description('make the store what a file says; shows first what would change')
    .argument('<file>', 'the file; - for the standard input')
    .option('--under <entity>', 'only this entity of the file, id or path, and what is below it')
    .option('--dry-run', 'only show what would change')
    .option('--yes', 'do not ask')
    .action((file: string, flags: RestoreFlags, command: Command) =>
      withSession(command, io, (session) => restore(session, file, flags)),
    )
}

async function writeOut({ io, q }: Session): Promise<void> {
  const decoder = new TextDecoder()
  for await (const piece of q.snapshot()) await io.out(decoder.decode(piece, { stream: true }))
}

/** The file gets its name when it is whole. */
async function writeFile({ io, q, json, folder }: Session, file: string): Promise<void> {
  const target = path.resolve(folder, file)
  const unfinished = `${target}.part`
  let bytes = 0
  try {
    await using output = await open(unfinished, 'w')
    for await (const piece of q.snapshot()) {
      await output.writeFile(piece)
      bytes += piece.length
    }
    await output.sync()
    await rename(unfinished, target)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw fileError(error, `cannot write ${target}`)
  }
  await (json ? outJson(io, { file: target, bytes }) : io.out(`${bytes} bytes\n`))
}

async function restore(
  session: Session,
  file: string,
  { under, dryRun = false, yes = false }: RestoreFlags,
): Promise<void> {
  const { io, q, json, folder } = session
  const options = { signal: io.signal, ...(under === undefined ? {} : { under }) }
  await using restoring = await (file === '-'
    ? q.restore(io.input(), options)
    : planFile(q, path.resolve(folder, file), options))
  const { plan } = restoring
  if (!json) await io.out(textOfPlan(plan))
  else if (dryRun) await outJson(io, jsonOfPlan(plan))
  if (plan.problemCount > 0) {
    throw new QError('restore_refused', `${plan.problemCount} problems; the store was not changed`)
  }
  if (dryRun || isEmptyPlan(plan)) return
  if (!yes && !(await io.confirm('Make these changes?'))) {
    throw new QError('restore_refused', 'the store was not changed: answer y, or give --yes')
  }
  const { revision } = await restoring.apply({ signal: io.signal })
  await (json ? outJson(io, { ...jsonOfPlan(plan), appliedRevision: revision }) : io.out(`revision ${revision}\n`))
}

async function planFile(q: Client, file: string, options: RestoreOptions): Promise<Restore> {
  try {
    await using input = await open(file)
    return await q.restore(input.createReadStream({ autoClose: false }), options)
  } catch (error) {
    throw fileError(error, `cannot read ${file}`)
  }
}

function fileError(error: unknown, message: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error
  return new QError('invalid_request', `${message}: ${error.message}`, { field: 'file', cause: error })
}
