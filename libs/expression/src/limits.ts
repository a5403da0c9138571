/** What an expression may be, and cost. docs/limits.md lists them. */
export const expressionLimits = {
  /** Characters (UTF-16 code units) of an expression: the parser takes about 4 µs for each. */
  characters: 4_096,
  /** Brackets within brackets. */
  nesting: 32,
  /** Depth of the syntax tree, which is that of the evaluation's recursion. */
  depth: 250,
  /** Nodes of the syntax tree. */
  nodes: 1_000,
  /** Entries of a map that an expression writes down. */
  mapEntries: 100,
  /** Different paths that it reads. */
  paths: 32,
  /** Units that one evaluation may cost: a unit is a node evaluated, or about 32 characters gone through. */
  cost: 200_000,
  /** Characters of a pattern that `matches` takes. */
  patternCharacters: 256,
} as const
