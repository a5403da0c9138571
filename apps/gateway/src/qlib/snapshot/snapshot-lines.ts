import { fromJsonString } from '@bufbuild/protobuf'
import { SnapshotLineSchema, type SnapshotLine } from '@qcore/contracts'

/** Reads the pieces of a snapshot file line by line. */
export async function* snapshotLines(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<SnapshotLine, void> {
  const decoder = new TextDecoder()
  let begun = ''
  for await (const piece of pieces) {
    const lines = (begun + decoder.decode(piece, { stream: true })).split('\n')
    begun = lines.pop() ?? ''
    for (const line of lines) yield fromJsonString(SnapshotLineSchema, line)
  }
}
