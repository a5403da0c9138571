import { isCommit } from '../history/operation.ts'
import type { FaultRecord, Recording } from '../history/recording.ts'
import type { Check } from './check.ts'

export const recovery: Check = {
  name: 'recovery',
  promise: 'writes go on within the time that the fault allows',
  find: (recording) =>
    recording.faults.flatMap((fault, index) => {
      const pauseMs = longestPauseMs(recording, fault, recording.faults[index + 1])
      if (fault.recovery === undefined || pauseMs === undefined || pauseMs <= fault.recovery.mostMs) return []
      return [
        `${fault.name}: no commit was acknowledged for ${Math.round(pauseMs)} ms; ${fault.recovery.mostMs} are allowed`,
      ]
    }),
}

/** The longest time without an acknowledged commit, from the fault, or its healing, to the next fault. */
export function longestPauseMs(
  { operations, loadEndedMs }: Pick<Recording, 'operations' | 'loadEndedMs'>,
  { beganMs, healedMs, recovery }: FaultRecord,
  next: FaultRecord | undefined,
): number | undefined {
  if (recovery === undefined) return undefined
  const fromMs = recovery.from === 'begin' ? beganMs : healedMs
  const toMs = next?.beganMs ?? loadEndedMs
  const times = operations
    .filter((operation) => isCommit(operation) && operation.outcome === 'ok')
    .map(({ completedMs }) => completedMs)
    .filter((timeMs) => timeMs > fromMs && timeMs < toMs)
    .sort((a, b) => a - b)
  let pauseMs = 0
  let lastMs = fromMs
  for (const timeMs of [...times, toMs]) {
    pauseMs = Math.max(pauseMs, timeMs - lastMs)
    lastMs = timeMs
  }
  return pauseMs
}
