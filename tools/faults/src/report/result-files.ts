import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import type { PageSource } from './reliability-page.ts'
import type { RunResult } from './run-result.ts'

interface ResultFile {
  readonly machine: string
  readonly results: readonly RunResult[]
}

/** Writes results, with what they were made on. */
export function writeResults(file: string, results: readonly RunResult[]): void {
  const processors = cpus()
  const machine = `${processors.length} cores of ${processors[0]?.model.trim() ?? 'an unknown processor'}, Node ${process.version}`
  const content: ResultFile = { machine, results }
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`)
}

/** Reads the results of several files. */
export function readResults(files: readonly string[]): PageSource {
  const read = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as ResultFile)
  const machines = new Set(read.map(({ machine }) => machine))
  return { machine: [...machines].join('; '), results: read.flatMap(({ results }) => results) }
}
