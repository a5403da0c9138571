import { rmSync } from 'node:fs'
import path from 'node:path'
import { readSettings } from '@qcore/service'
import { startVariables } from './config.ts'
import { describeSystem } from './first-steps.ts'
import { watchNpm } from './npm-parent.ts'
import { writePrivateFile } from './private-file.ts'
import { supervise } from './supervise.ts'
import { startSystem, type RunningSystem } from './system.ts'

const secondSignalExitCode = 130

const stop = new AbortController()
const requestStop = (): void => {
  // The exit takes the servers along.
  if (stop.signal.aborted) process.exit(secondSignalExitCode)
  console.error('stopping; once more to end at once')
  stop.abort()
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, requestStop)
using _npm = watchNpm(process.env, () => {
  if (!stop.signal.aborted) requestStop()
})

try {
  const startedAt = performance.now()
  const { dataFolder, webAddress } = readSettings(startVariables, process.env)
  await using system = await startSystem({
    dataFolder,
    web: webAddress,
    env: process.env,
    onComplaint: (line) => console.error(line),
    signal: stop.signal,
  })
  await announce(system, performance.now() - startedAt)
} catch (error) {
  if (!stop.signal.aborted) {
    console.error(`qcore: ${describeError(error)}`)
    process.exitCode = 1
  }
}

/** Tells people and the `qcore` command where everything is, and stays until it is to stop. */
async function announce(system: RunningSystem, elapsedMs: number): Promise<void> {
  const { url, token, natsUrl, backing, processes } = system
  const clientFile = path.join(system.dataFolder, 'client.json')
  await writePrivateFile(clientFile, `${JSON.stringify({ url, token, natsUrl }, null, 2)}\n`)
  console.log(describeSystem(system, elapsedMs))
  const ended = new AbortController()
  const signal = AbortSignal.any([stop.signal, ended.signal])
  const servers = Object.entries(backing).map(([name, server]) => ({
    name,
    ended: () => server.ended(),
    restart: () => server.restart(),
  }))
  const watches = [...servers, ...processes].map((each) =>
    supervise(each, { report: (line) => console.error(line), signal }),
  )
  const reason = await Promise.race(watches)
  ended.abort()
  await Promise.all(watches)
  rmSync(clientFile, { force: true })
  if (reason !== undefined) throw new Error(reason)
}

/** One line: the code of a file error says more than its message. */
function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, path: file } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC') return `the disk is full${file === undefined ? '' : `: ${file}`}`
  return error.message
}
