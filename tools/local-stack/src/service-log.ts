import { createWriteStream, renameSync, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { createInterface } from 'node:readline'

/** A log that grew beyond this is set aside at the next start; one old log is kept. */
const logLimitBytes = 32 * 1024 * 1024
const warningLevel = 40
const rememberedLines = 20

/** The log file of all service processes. */
export interface ServiceLog extends AsyncDisposable {
  /** Takes the output of a process until it ends. */
  collect(name: string, output: Readable): OutputTail
}

/** The last lines that a process wrote. */
export interface OutputTail {
  /** The line that most likely says why the process ended, for people. */
  lastComplaint(): string
}

/** Called with every line that is a warning, worse, or no log line at all, and that does not repeat the one before. */
export type ComplaintListener = (line: string) => void

/** Opens the log. If it cannot be written any more, that is one complaint, and the services go on. */
export function openServiceLog(file: string, onComplaint: ComplaintListener): ServiceLog {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > logLimitBytes) renameSync(file, `${file}.old`)
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 })
  let broken = false
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (!broken) onComplaint(`${file}: ${error.code === 'ENOSPC' ? 'the disk is full' : error.message}`)
    broken = true
  })
  return {
    collect: (name, output) => {
      const complaints: string[] = []
      createInterface({ input: output }).on('line', (line) => {
        if (!broken) stream.write(`${line}\n`)
        const complaint = describeComplaint(line)
        // What is tried again and again fails in the same words: once is enough.
        if (complaint === undefined || complaint === complaints.at(-1)) return
        complaints.push(complaint)
        if (complaints.length > rememberedLines) complaints.shift()
        onComplaint(complaint.startsWith(`${name}: `) ? complaint : `${name}: ${complaint}`)
      })
      // Of a stack trace, the line with the error says most.
      const telling = (): string | undefined => complaints.findLast((line) => /\b\w*Error\b.*: /.test(line))
      return { lastComplaint: () => telling() ?? complaints.at(-1) ?? '' }
    },
    [Symbol.asyncDispose]: async () => {
      await new Promise<void>((resolve) => (broken ? resolve() : stream.end(() => resolve())))
    },
  }
}

/** The message of a log line from `warn` on, or any other line as it is; undefined for what is only information. */
export function describeComplaint(line: string): string | undefined {
  if (line.trim() === '') return undefined
  let entry: unknown
  try {
    entry = JSON.parse(line)
  } catch {
    return line
  }
  if (typeof entry !== 'object' || entry === null || !('level' in entry)) return line
  const { level, service, msg, err } = entry as { level: number; service?: string; msg?: string; err?: ErrorFields }
  if (level < warningLevel) return undefined
  const text = [msg, err?.message].filter((part) => part !== undefined && part !== '').join(': ')
  return service === undefined ? text : `${service}: ${text}`
}

interface ErrorFields {
  readonly message?: string
}
