import { connect, type Socket } from 'node:net'

/** A client that says exactly what a test wants on the wire, and collects what it is told. */
export class RawClient implements Disposable {
  readonly socket: Socket
  readonly closed: Promise<void>
  received = ''

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.setEncoding('latin1')
    this.socket.on('data', (text: string) => (this.received += text))
    this.closed = new Promise((resolve) => {
      this.socket.on('error', () => undefined).on('close', () => resolve())
    })
  }

  send(text: string): void {
    this.socket.write(text)
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}
