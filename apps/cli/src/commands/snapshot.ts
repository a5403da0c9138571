import { open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import { QError } from '@qcore/client'
import type { Io } from '../io.ts'
import { outJson, withSession, type Session } from '../session.ts'

export function addSnapshot(program: Command, io: Io): void {
  const snapshot = program.command('snapshot').description('copy the store to a file, and back')
  snapshot
    .command('save')
    .description('write the whole store, as it is at one revision, to a file')
    .argument('<file>', 'the file; - for the standard output')
    .action((file: string, _options: unknown, command: Command) =>
      withSession(command, io, (session) => (file === '-' ? writeOut(session) : writeFile(session, file))),
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
    if (error instanceof Error && 'syscall' in error) {
      throw new QError('invalid_request', `cannot write ${target}: ${error.message}`, { field: 'file', cause: error })
    }
    throw error
  }
  await (json ? outJson(io, { file: target, bytes }) : io.out(`${bytes} bytes\n`))
}
