import { acknowledged } from './acknowledged.ts'
import { attempts } from './attempts.ts'
import { caches } from './caches.ts'
import type { Check } from './check.ts'
import { effects } from './effects.ts'
import { deliveries } from './deliveries.ts'
import { leases } from './leases.ts'
import { ledger } from './ledger.ts'
import { linearizable } from './linearizable.ts'
import { recovery } from './recovery.ts'
import { epochs, revisions } from './revisions.ts'
import { serializable } from './serializable.ts'
import { session } from './session.ts'
import { settled } from './settled.ts'
import { stream } from './stream.ts'
import { ticks } from './ticks.ts'
import { watches } from './watches.ts'

/** What every run is held to, in the order of the report. */
export const allChecks: readonly Check[] = [
  acknowledged,
  revisions,
  epochs,
  linearizable,
  serializable,
  session,
  settled,
  stream,
  caches,
  watches,
  leases,
  effects,
  ledger,
  deliveries,
  attempts,
  ticks,
  recovery,
]
