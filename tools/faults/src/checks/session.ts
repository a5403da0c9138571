import type { Check } from './check.ts'

export const session: Check = {
  name: 'session',
  promise: 'no read is below what its own client wrote or saw',
  find: ({ operations }) =>
    operations.flatMap(({ id, kind, outcome, revision, sessionRevision }) =>
      kind === 'session_read' && outcome === 'ok' && revision < sessionRevision
        ? [`operation ${id} was answered at revision ${revision}; its client was at ${sessionRevision}`]
        : [],
    ),
}
