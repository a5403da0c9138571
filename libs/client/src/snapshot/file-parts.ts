/** What a snapshot file may come as: a stream of Node, `client.snapshot()` of another store, a text. */
export type SnapshotSource = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string> | string | Uint8Array

/** Pieces of a file as parts of one size, but for the last. */
export async function* fileParts(source: SnapshotSource, partBytes: number): AsyncGenerator<Uint8Array, void> {
  const encoder = new TextEncoder()
  let part = new Uint8Array(partBytes)
  let filled = 0
  for await (const piece of piecesOf(source)) {
    const bytes = typeof piece === 'string' ? encoder.encode(piece) : piece
    for (let start = 0; start < bytes.length;) {
      const taken = bytes.subarray(start, start + partBytes - filled)
      part.set(taken, filled)
      start += taken.length
      filled += taken.length
      if (filled < partBytes) continue
      yield part
      part = new Uint8Array(partBytes)
      filled = 0
    }
  }
  if (filled > 0) yield part.subarray(0, filled)
}

function piecesOf(source: SnapshotSource): AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string> {
  return typeof source === 'string' || source instanceof Uint8Array ? [source] : source
}
