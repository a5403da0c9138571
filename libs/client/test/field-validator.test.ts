import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FieldValidator, type Client } from '../src/index.ts'
import { choice, defineType, int, text } from '../src/schema.ts'
import { connectTo, serviceError } from './_scripted.ts'
import { natsClient, startStore, type TestStore } from './_store.ts'
import { Device, Person } from './_types.ts'

let store: TestStore
let q: Client

beforeAll(async () => {
  store = await startStore(['auth', 'writer', 'reader'])
  q = await natsClient(store, await store.mint())
  await q.setSchema(Device)
  await q.setSchema(Person)
}, 30_000)

afterAll(async () => {
  await q.close()
  await store[Symbol.asyncDispose]()
})

describe('a field validator', () => {
  it('is content with what is there', async () => {
    const validator = new FieldValidator(q)
      .require(Device)
      .require('Person', ['Age'])
      .require('Device', { Level: 'Int', Label: 'String' })
    await expect(validator.check()).resolves.toEqual([])
    await expect(validator.validate()).resolves.toBeUndefined()
    await expect(new FieldValidator(q).validate()).resolves.toBeUndefined()
  })

  it('lists all at once: missing types, fields and choices, and wrong types', async () => {
    const Wanted = defineType('Device', { Status: choice('OFF', 'BROKEN', 'LOST'), Level: text(), Height: int() })
    const validator = new FieldValidator(q)
      .require('Service', ['Leader', 'Candidates'])
      .require(Wanted)
      .require('Person', { Age: 'Float' })
      .require('Person', ['toString'])
      .require('Device', ['Colour'])
      .require('Nothing', [])
    const problems = await validator.check()
    expect(problems.map(({ kind, type, field }) => `${kind} ${type}.${field}`)).toEqual([
      'missing_type Service.',
      'missing_choice Device.Status',
      'wrong_type Device.Level',
      'missing_field Device.Height',
      'missing_field Device.Colour',
      'wrong_type Person.Age',
      'missing_field Person.toString',
      'missing_type Nothing.',
    ])
    await expect(validator.validate()).rejects.toMatchObject({
      code: 'schema_mismatch',
      message: expect.stringMatching(
        /no type Service; Device\.Status has no choice BROKEN, LOST; Device\.Level is of type Int, not String; .*no type Nothing$/,
      ),
    })
  })

  it('takes an outage for an outage, not for a missing type', async () => {
    await using scripted = await connectTo({
      read: {
        getSchema: () => {
          throw serviceError('permission_denied')
        },
      },
    })
    await expect(new FieldValidator(scripted).require(Person).check()).rejects.toMatchObject({
      code: 'permission_denied',
    })
  })
})
