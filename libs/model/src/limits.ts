/**
 * The limits of the store. Those that a proto states as a rule are enforced at the edge too; docs/limits.md lists all.
 * They keep a commit, and a notification of it, below the megabyte that NATS carries by default.
 */
export const limits = {
  /** Bytes of UTF-8 of a String. */
  stringBytes: 262_144,
  /** Bytes of a file's content. */
  binaryFileBytes: 524_288,
  /** Bytes of UTF-8 of a Transformation. */
  transformationBytes: 16_384,
  /** Ids in an EntityList. */
  entityListIds: 10_000,
  /** Characters of an entity's name. */
  entityNameLength: 255,
  /** Characters of a place among siblings. */
  placeLength: 512,
  /** Steps of a path. */
  pathSteps: 8,
  /** Children of an entity among which a path of a write finds one by name or index. */
  writePathChildren: 10_000,
  /** Transformations that feed each other, one after the other. */
  transformationDepth: 8,
  /** Changes that one commit may amount to, with the descendants that a deletion takes along. */
  changesPerCommit: 10_000,
  /** Bytes of one commit in the log. */
  commitBytes: 921_600,
  /** Bytes of text or of an id that an index holds; text compares by these, and a comparand must be shorter. */
  indexedTextBytes: 1_024,
  /** Levels of the tree, the root included. */
  treeDepth: 64,
} as const
