import { toBinary, toJsonString } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { WatchResponseSchema, type WatchResponse } from '@qcore/contracts'
import type { FrameKind } from '../../websocket/frame-handler.ts'

interface Framed {
  readonly kind: FrameKind
  readonly id: string
  readonly frame: Uint8Array
}

/** The fields of a StreamResponse. */
const idField = 1
const watchField = 2

/** A response of a watch, on its way to all who share the watch: written once for them. */
export class WatchStep {
  readonly response: WatchResponse
  #json: string | undefined
  #proto: Uint8Array | undefined
  /** The one that was asked for last: programs that watch the same mostly call it the same. */
  #framed: Framed | undefined
  #bytes: number | undefined

  constructor(response: WatchResponse) {
    this.response = response
  }

  /** The response in JSON. */
  get json(): string {
    return (this.#json ??= toJsonString(WatchResponseSchema, this.response))
  }

  /** About how much it holds. */
  get bytes(): number {
    return (this.#bytes ??= this.#json?.length ?? this.#protobuf.length)
  }

  /** The StreamResponse with an id, in JSON (text) or protobuf (binary). */
  frame(id: string, kind: FrameKind): Uint8Array {
    if (this.#framed?.id !== id || this.#framed.kind !== kind) {
      this.#framed = { id, kind, frame: kind === 'text' ? this.#textFrame(id) : this.#binaryFrame(id) }
    }
    return this.#framed.frame
  }

  get #protobuf(): Uint8Array {
    return (this.#proto ??= toBinary(WatchResponseSchema, this.response))
  }

  #textFrame(id: string): Uint8Array {
    return Buffer.from(`{${id === '' ? '' : `"id":${JSON.stringify(id)},`}"watch":${this.json}}`)
  }

  #binaryFrame(id: string): Uint8Array {
    const writer = new BinaryWriter()
    if (id !== '') writer.tag(idField, WireType.LengthDelimited).string(id)
    return writer.tag(watchField, WireType.LengthDelimited).bytes(this.#protobuf).finish()
  }
}
