import { FieldValidator, isQError } from '@qcore/client'
import { Device } from '../schema.ts'
import type { Stop } from '../stop.ts'

export async function validateFields({ q, print }: Stop): Promise<void> {
  await new FieldValidator(q).require(Device).require('TourService', ['Status', 'Uptime']).validate()
  print('the store has what is needed')

  const validator = new FieldValidator(q)
    .require('TourService', ['Leader', 'Candidates'])
    .require('TourService', { Uptime: 'Float' })
    .require('TourNothing', [])
  try {
    await validator.validate()
  } catch (error) {
    if (!isQError(error, 'schema_mismatch')) throw error
    for (const { message } of await validator.check()) print(message)
  }
}
