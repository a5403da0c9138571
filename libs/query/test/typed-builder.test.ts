import { expect, test } from 'vitest'
import { and, not, or, query } from '../src/index.ts'

interface DeviceFields {
  Status: 'ON' | 'OFF'
  Level: bigint
  Owner: string | { readonly id: string } | null
}

test('what fits the fields compiles, what does not does not', () => {
  const devices = query<DeviceFields>('Device')
  devices.where({ Status: 'ON', Level: { gte: 5n, in: [1n] }, 'Owner->Name': 'Ada' })
  devices.where(or({ Status: 'ON' }, and({ Level: 5n }, not({ Owner: null }))))
  devices.select('Status', 'Name', 'Owner->Name', '*').orderBy('Level', 'desc').orderBy('Parent->Name')
  const refused = (): void => {
    // @ts-expect-error a choice that there is not
    devices.where({ Status: 'on' })
    // @ts-expect-error a field that there is not
    devices.where({ Statsu: 'ON' })
    // @ts-expect-error a value of another type
    devices.where({ Level: { gte: 'five' } })
    // @ts-expect-error a value of another type, among several
    devices.where({ Level: { in: [1n, true] } })
    // @ts-expect-error a comparison that there is not
    devices.where({ Level: { above: 5n } })
    // @ts-expect-error a field that there is not, within others
    devices.where(or({ Status: 'ON' }, not({ Levle: 5n })))
    // @ts-expect-error a field that there is not
    devices.select('Statsu')
    // @ts-expect-error a field that there is not
    devices.orderBy('Statsu')
  }
  expect(refused).toBeTypeOf('function')
  expect(devices.build().where).toBeUndefined()
})

test('a builder is not changed by what is built from it', () => {
  const all = query('Device')
  const some = all.where({ A: 1 }).select('A').orderBy('A').limit(5)
  expect(all.build()).toMatchObject({ select: [], where: undefined, order: [], limit: 0 })
  expect(some.where({ B: 2 }).build().where).toMatchObject({ kind: 'all' })
  expect(some.build().where).toMatchObject({ kind: 'compare' })
})
