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
  /** Replaces the writer by one that has loaded nothing yet. */
  restart(): Promise<void>
}

/** A writer of a store of its own, with a type `Machine` that has a field of every type. */
export async function startWriter(env: Record<string, string> = {}): Promise<RunningWriter> {
  await using opened = new AsyncDisposableStack()
  const test = opened.use(await openTestStore(uniqueStore()))
  const start = (): ReturnType<typeof createWriter> => createWriter(writerConfig(test.store, env), { logger: silent })
  let writer = await start()
  opened.defer(() => writer[Symbol.asyncDispose]())
  await whenServed(() => test.commits.commit({ mutations: [machineSchema()] }))
  const root = await test.rootId()
  const restart = async (): Promise<void> => {
    await writer[Symbol.asyncDispose]()
    writer = await start()
    await whenServed(() => test.commits.commit({ mutations: [machineSchema()] }))
  }
  const owned = opened.move()
  return { ...test, root, restart, [Symbol.asyncDispose]: () => owned.disposeAsync() }
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
