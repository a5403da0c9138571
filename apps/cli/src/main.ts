#!/usr/bin/env node
import { createInterface } from 'node:readline/promises'
import { text } from 'node:stream/consumers'
import { run } from './run.ts'

const interruptedExitCode = 130

const stop = new AbortController()
let isInterrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A second one ends it at once, whatever it is waiting for.
    if (isInterrupted) process.exit(interruptedExitCode)
    isInterrupted = true
    stop.abort()
  })
}
// Who reads the output may stop: `qcore watch … | head`.
process.stdout.on('error', () => stop.abort())

/** Resolves when the output takes more; all who wait share it. */
let drained: Promise<void> | undefined

function untilDrained(): Promise<void> {
  drained ??= new Promise<void>((resolve) => {
    const settle = (): void => {
      drained = undefined
      process.stdout.off('drain', settle).off('error', settle)
      resolve()
    }
    process.stdout.once('drain', settle).once('error', settle)
  })
  return drained
}

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  using terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await terminal.question(`${question} [y/N] `, { signal: stop.signal })
  return /^y(es)?$/i.test(answer.trim())
}

const exitCode = await run(process.argv.slice(2), {
  out: (line) => (process.stdout.write(line) ? undefined : untilDrained()),
  err: (line) => void process.stderr.write(line),
  env: process.env,
  folder: process.env['INIT_CWD'] ?? process.cwd(),
  readInput: () => text(process.stdin),
  input: () => process.stdin,
  confirm,
  signal: stop.signal,
})
process.exitCode = isInterrupted ? interruptedExitCode : exitCode
