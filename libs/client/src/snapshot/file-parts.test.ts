import { expect, it } from 'vitest'
import { fileParts, type SnapshotSource } from './file-parts.ts'

async function partsOf(source: SnapshotSource): Promise<string[]> {
  const parts: string[] = []
  for await (const part of fileParts(source, 4)) parts.push(Buffer.from(part).toString())
  return parts
}

it('cuts pieces of any size and kind into parts of one size', async () => {
  const pieces = ['ab', new TextEncoder().encode('cdefghij'), '', 'k']
  expect(await partsOf(pieces)).toEqual(['abcd', 'efgh', 'ijk'])
  expect(
    await partsOf(
      (async function* () {
        yield* pieces
      })(),
    ),
  ).toEqual(['abcd', 'efgh', 'ijk'])
  expect(await partsOf('abcdefgh')).toEqual(['abcd', 'efgh'])
  expect(await partsOf(new TextEncoder().encode('abcdef'))).toEqual(['abcd', 'ef'])
  expect(await partsOf([])).toEqual([])
})
