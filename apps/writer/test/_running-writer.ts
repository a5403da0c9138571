import { ValueType } from '@qcore/contracts'
import { createWriter } from '../src/service.ts'
import {
  openTestStore,
  setSchema,
  silent,
  uniqueStore,
  whenServed,
  writerConfig,
  type TestStore,
} from './_writer-client.ts'

export interface RunningWriter extends TestStore {
  readonly root: string
}

/** A writer of a store of its own, with a type `Machine` that has a field of every type. */
export async function startWriter(env: Record<string, string> = {}): Promise<RunningWriter> {
  await using opened = new AsyncDisposableStack()
  const test = opened.use(await openTestStore(uniqueStore()))
  opened.use(await createWriter(writerConfig(test.store, env), { logger: silent }))
  await whenServed(() => test.commits.commit({ mutations: [machineSchema()] }))
  const root = await test.rootId()
  const owned = opened.move()
  return { ...test, root, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

export function machineSchema(): ReturnType<typeof setSchema> {
  return setSchema({
    type: 'Machine',
    fields: [
      { name: 'Count', valueType: ValueType.INT },
      { name: 'Level', valueType: ValueType.FLOAT },
      { name: 'Label', valueType: ValueType.STRING, defaultValue: { kind: { case: 'string', value: 'none' } } },
      { name: 'On', valueType: ValueType.BOOL },
      { name: 'Manual', valueType: ValueType.BINARY_FILE },
      { name: 'Peer', valueType: ValueType.ENTITY_REFERENCE },
      { name: 'Since', valueType: ValueType.TIMESTAMP },
      { name: 'Mode', valueType: ValueType.CHOICE, choices: ['Off', 'Auto', 'Manual'] },
      { name: 'Peers', valueType: ValueType.ENTITY_LIST },
      { name: 'Rule', valueType: ValueType.TRANSFORMATION },
    ],
  })
}
