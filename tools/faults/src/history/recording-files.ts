import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Operation } from './operation.ts'
import type { Recording } from './recording.ts'

const operationsFile = 'history.jsonl'
const restFile = 'recording.json'

/** Writes a recording into a folder: the operations as JSON lines, in the order of their answers, the rest beside them. */
export async function writeRecording(folder: string, { operations, ...rest }: Recording): Promise<void> {
  const lines = operations.map((operation) => `${JSON.stringify(operation)}\n`)
  await writeFile(path.join(folder, operationsFile), lines.join(''))
  await writeFile(path.join(folder, restFile), `${JSON.stringify(rest)}\n`)
}

/** Reads a recording, to check it again. */
export async function readRecording(folder: string): Promise<Recording> {
  const lines = (await readFile(path.join(folder, operationsFile), 'utf8')).trim().split('\n')
  const operations = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Operation)
  const rest = JSON.parse(await readFile(path.join(folder, restFile), 'utf8')) as Omit<Recording, 'operations'>
  return { operations, ...rest }
}
