/** How large a query may be. They bound the statement that it becomes; docs/limits.md lists them. */
export const queryLimits = {
  /** Conditions of a query, with those that join others. */
  conditions: 256,
  /** How deep conditions are nested. */
  depth: 32,
  /** Values of one `IN`. */
  values: 1_000,
  /** Fields that a query is ordered by. */
  order: 8,
  /** Paths that it selects. */
  select: 64,
  /** Characters of a query as text. */
  textLength: 65_536,
} as const
