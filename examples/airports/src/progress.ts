/** Shows how far a step is: in place on a terminal, a line per tenth elsewhere. */
export interface Progress {
  show(step: string, done: number, total: number): void
  /** Prints a line without tearing the progress. */
  print(line: string): void
}

export function createProgress(stream: NodeJS.WriteStream): Progress {
  let shown = ''
  const clear = (): void => {
    if (stream.isTTY && shown !== '') stream.write('\r\u001b[K')
  }
  return {
    show(step, done, total) {
      const percent = Math.floor((done / total) * 100)
      const text = `${step} ${stream.isTTY ? percent : percent - (percent % 10)} %`
      if (text === shown) return
      shown = text
      stream.write(stream.isTTY ? `\r${text}` : `${text}\n`)
      if (done === total && stream.isTTY) stream.write('\n')
    },
    print(line) {
      clear()
      stream.write(`${line}\n`)
    },
  }
}
