import { celFunc, celList, celMethod, CelScalar, listType, type CelFunc } from '@bufbuild/cel'

const { INT, STRING } = CelScalar
const list = listType(CelScalar.DYN)

/**
 * Functions whose cost grows faster in the library than what they do: the concatenation of lists (the library's keeps a
 * tree, through which every look at an element goes down), the size of a text, and replacing.
 */
export const sequenceFunctions: readonly CelFunc[] = [
  celFunc('_+_', [list, list], list, (left, right) => celList([...left, ...right])),
  celFunc('size', [STRING], INT, characters),
  celMethod('size', STRING, [], INT, function () {
    return characters(this)
  }),
  celMethod('replace', STRING, [STRING, STRING], STRING, function (wanted, replacement) {
    return replaced(this, { wanted, replacement, most: -1n })
  }),
  celMethod('replace', STRING, [STRING, STRING, INT], STRING, function (wanted, replacement, most) {
    return replaced(this, { wanted, replacement, most })
  }),
]

/** Unicode characters, not UTF-16 code units. */
function characters(text: string): bigint {
  let count = text.length
  for (let index = 0; index < text.length - 1; index++) {
    const isPair = (text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00
    if (isPair) count--
  }
  return BigInt(count)
}

/** @param most places that are replaced; negative: all */
function replaced(text: string, how: { wanted: string; replacement: string; most: bigint }): string {
  if (how.wanted === '') throw new Error('the text to replace is empty')
  const parts = text.split(how.wanted)
  const places = how.most < 0n ? parts.length - 1 : Math.min(parts.length - 1, Number(how.most))
  const before = parts.slice(0, places + 1).join(how.replacement)
  return [before, ...parts.slice(places + 1)].join(how.wanted)
}
