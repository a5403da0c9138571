/** The indexes, in order, that BYSETPOS selects from so many elements. */
export function selectedPositions(positions: readonly number[], total: number): readonly number[] {
  const indexes = positions.map((position) => (position > 0 ? position - 1 : total + position))
  return [...new Set(indexes.filter((index) => index >= 0 && index < total))].sort((a, b) => a - b)
}
