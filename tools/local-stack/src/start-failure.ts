/** One line about why a server did not start, from what it wrote. */
export function explainFailure(name: string, output: string, reason: string): string {
  if (/no space left on device|disk quota exceeded/i.test(output)) return `${name} did not start: the disk is full`
  if (isPortTaken(output)) return `${name} did not start: its port is in use by another program`
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  const telling =
    lines.findLast((line) => /\b(FATAL|PANIC|ERROR|error|\[FTL\]|\[ERR\]|fatal)/.test(line)) ?? lines.at(-1)
  return `${name} did not start (${reason})${telling === undefined ? '' : `: ${telling.trim()}`}`
}

/** Whether the output says that somebody else listens on the port. */
export function isPortTaken(output: string): boolean {
  return /address already in use/i.test(output)
}
