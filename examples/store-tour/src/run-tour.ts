import type { Client } from '@qcore/client'
import { prepareFolder } from './prepare-folder.ts'
import { useBindings } from './steps/bindings.ts'
import { manageEntities } from './steps/entities.ts'
import { readAndWriteFields } from './steps/fields.ts'
import { changeTypes } from './steps/evolution.ts'
import { lookBack } from './steps/history.ts'
import { watchFields } from './steps/notifications.ts'
import { findDevices } from './steps/queries.ts'
import { setSchemas } from './steps/schema.ts'
import { compareWithSnapshot } from './steps/snapshots.ts'
import { readStatus } from './steps/status.ts'
import type { Stop } from './stop.ts'
import { changeTogether } from './steps/transactions.ts'
import { validateFields } from './steps/validation.ts'

/** The stops of the tour, in order: each one's examples build on those before. */
const stops: Readonly<Record<string, (stop: Stop) => Promise<void>>> = {
  'The store': readStatus,
  Schema: setSchemas,
  Entities: manageEntities,
  Fields: readAndWriteFields,
  Bindings: useBindings,
  Queries: findDevices,
  Notifications: watchFields,
  Transactions: changeTogether,
  Snapshots: compareWithSnapshot,
  History: lookBack,
  'Changing types': changeTypes,
  'Field validation': validateFields,
}

/** Shows what the store does, in a folder of its own that is made anew each time. */
export async function runTour(q: Client, print: (line: string) => void): Promise<void> {
  const folder = await prepareFolder(q)
  for (const [title, visit] of Object.entries(stops)) {
    print(`== ${title}`)
    await visit({ q, folder, print })
  }
}
