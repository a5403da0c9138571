import type { TypeSchemaInput } from '@qcore/client'

/** What is held. `DurationMs` is written at every renewal: its write time is when the lease was granted or renewed. */
export const leaseSchema: TypeSchemaInput = {
  type: 'Lease',
  description: 'A lease of an application: who leads',
  fields: {
    Holder: { type: 'String', unindexed: true, description: 'Empty: nobody' },
    Token: { type: 'Int', unindexed: true, description: 'Greater than that of every lease before' },
    DurationMs: { type: 'Int', unindexed: true, description: 'How long it lasts from its write time on' },
    Clock: { type: 'Int', unindexed: true, description: 'Written to learn the time of the store' },
  },
}

/** Who would lead. Its children are of the lease. */
export const candidateSchema: TypeSchemaInput = {
  type: 'LeaseCandidate',
  description: 'An instance of an application that would lead',
  fields: {
    Lease: { type: 'EntityReference' },
    DurationMs: { type: 'Int', unindexed: true, description: 'How long it counts from its write time on' },
  },
}
