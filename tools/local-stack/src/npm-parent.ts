import type { Environment } from '@qcore/service'
import { commandLine, isRunning, markProcess, parentOf, type ProcessMark } from './process-mark.ts'

const pollMs = 250
/** npm, a shell, this process; one more for those who wrap npm. */
const mostAncestors = 4

/**
 * Calls back when the npm that runs this script is gone, or the shell between. npm passes signals on to the shell only,
 * which does not pass them on at all: whoever ends npm would leave this process running.
 */
export function watchNpm(env: Environment, onGone: () => void): Disposable {
  const watched = env['npm_lifecycle_event'] === undefined ? [] : findNpm(process.ppid)
  if (watched.length === 0) return { [Symbol.dispose]: () => {} }
  const timer = setInterval(() => {
    if (watched.every(isRunning)) return
    clearInterval(timer)
    onGone()
  }, pollMs)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

/** A process and those above it, up to npm; none if npm is not among them. */
function findNpm(start: number): ProcessMark[] {
  const marks: ProcessMark[] = []
  for (let pid: number | undefined = start; pid !== undefined && marks.length < mostAncestors; pid = parentOf(pid)) {
    const mark = markProcess(pid)
    if (mark === undefined) return []
    marks.push(mark)
    if (/\bnpm\b/.test(commandLine(pid).split(' ').slice(0, 2).join(' '))) return marks
  }
  return []
}
