import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { commit, type Client } from '../src/index.ts'
import { natsClient, startStore, type TestStore } from './_store.ts'

let store: TestStore
let q: Client

beforeEach(async () => {
  store = await startStore(['auth', 'reader', 'writer', 'notifier'])
  q = await natsClient(store, await store.mint({ subject: 'ada' }))
  const fields = {
    Status: { type: 'Choice', choices: ['OFF', 'ON'] },
    Level: 'Int',
    Peer: 'EntityReference',
    Label: 'String',
  } as const
  await vi.waitFor(() => q.setSchema({ type: 'Device', fields }), { timeout: 10_000 })
  await q.setSchema({ type: 'Extra', fields: { Size: 'Int' } })
  const values = { Status: 'ON', Level: 5, Label: '7' }
  await q.commit(
    commit()
      .create('Device', { parent: 'root', name: 'Lamp', id: 'lamp', fields: values })
      .create('Device', { parent: 'root', name: 'Fan', id: 'fan', fields: { Label: '1' } })
      .write('fan', 'Peer', 'lamp'),
  )
})
afterEach(async () => {
  await q.close()
  await store[Symbol.asyncDispose]()
})

async function saved(): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of q.snapshot()) text += decoder.decode(piece, { stream: true })
  return text
}

interface Line {
  readonly fields?: readonly { readonly name: string }[]
}

/** What the lines say that the store holds; without revisions, and ids and the order of fields, which are the store's own. */
function contentOf(file: string): string[] {
  return file
    .split('\n')
    .slice(1, -2)
    .map((line) => line.replaceAll(/,?"(revision|createdRevision|structureRevision|id)":("\d+"|\d+)/g, ''))
    .map((line) => {
      const { fields, ...rest } = JSON.parse(line) as Line
      return JSON.stringify({ ...rest, fields: fields?.toSorted((one, other) => (one.name < other.name ? -1 : 1)) })
    })
    .sort()
}

async function alterAll(): Promise<number> {
  const { revision } = await q.alterType('Device', [
    { rename: 'Level', to: 'Height' },
    { retype: 'Label', field: 'Int' },
    { remove: 'Peer' },
    { add: 'Weight', field: 'Float' },
  ])
  await q.deleteType('Extra')
  return revision
}

it('a store is saved and restored as its types have become', async () => {
  await alterAll()
  const file = await saved()
  expect(file).not.toMatch(/"Peer"|"Level"/)
  await q.write('lamp', 'Label', 8n)
  await q.alterType('Device', [{ remove: 'Height' }, { retype: 'Label', field: 'String' }])
  await using restore = await q.restore(file)
  expect(restore.plan.problems).toEqual([])
  await restore.apply()
  expect(contentOf(await saved())).toEqual(contentOf(file))
  expect(await q.read('lamp', 'Label')).toMatchObject({ type: 'Int', value: 7n })
  expect(await q.find('Device', { where: { Height: 5n } }).toArray()).toMatchObject([{ id: 'lamp' }])
})

it('a store is restored to before its types were changed, and its types can be changed again', async () => {
  const file = await saved()
  const altered = await alterAll()
  await q.write('lamp', 'Height', 6n)
  await using restore = await q.restore(file)
  expect(restore.plan).toMatchObject({ problemCount: 0, types: { created: 1, deleted: 0, changed: 1 } })
  const { revision } = await restore.apply()
  expect(contentOf(await saved())).toEqual(contentOf(file))
  expect(await q.read('fan', 'Peer')).toMatchObject({ value: 'lamp' })
  expect((await q.schemaVersions('Device')).map((version) => version.replacedRevision)).toEqual([
    altered,
    revision,
    undefined,
  ])
  expect((await q.schemaVersions('Extra')).map((version) => version.replacedRevision)).toEqual([altered + 1, undefined])
  await expect(q.at(altered).read('lamp', 'Height')).rejects.toMatchObject({ code: 'compacted' })
  await alterAll()
  expect(await q.at(revision).read('lamp', 'Label')).toMatchObject({ type: 'String', value: '7' })
  expect(await q.at(revision).read('fan', 'Peer')).toMatchObject({ value: 'lamp' })
  const changes: string[] = []
  for await (const change of q.history('lamp', { field: 'Height' })) changes.push(change.kind)
  expect(changes).toEqual(['schema'])
  await using again = await q.restore(file)
  await again.apply()
  expect(contentOf(await saved())).toEqual(contentOf(file))
  await q.delete('lamp')
  expect(await q.read('fan', 'Peer')).toMatchObject({ value: '' })
})

it('a part is refused where a type has become another, and fits where it has not', async () => {
  const file = await saved()
  await alterAll()
  await using refused = await q.restore(file, { under: 'lamp' })
  expect(refused.plan.problems.map(({ code }) => code)).toContain('unknown_field')
  await expect(refused.apply()).rejects.toMatchObject({ code: 'restore_refused' })
  await q.alterType('Device', [
    { remove: 'Weight' },
    { rename: 'Height', to: 'Level' },
    { retype: 'Label', field: 'String' },
    { add: 'Peer', field: 'EntityReference' },
  ])
  await using restore = await q.restore(file, { under: 'lamp' })
  expect(restore.plan.problems).toEqual([])
})

it('who follows the store learns of a type that was deleted', async () => {
  const before = q.revision
  await q.deleteType('Extra')
  const deleted: unknown[] = []
  for await (const { changes } of q.commits({ first: 'oldest', from: before + 1 })) {
    for (const change of changes) if (change.kind === 'schema_deleted') deleted.push(change.previous.type)
  }
  expect(deleted).toEqual(['Extra'])
})
