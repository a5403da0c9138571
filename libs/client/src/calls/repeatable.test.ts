import { create } from '@bufbuild/protobuf'
import {
  BackfillScheduleRequestSchema,
  DeadLetterService,
  DeliveryService,
  EmitRequestSchema,
  EventService,
  ReadService,
  RegistrationService,
  ReplayDeadLettersRequestSchema,
  ScheduleService,
} from '@qcore/contracts'
import { expect, it } from 'vitest'
import { isRepeatable } from './repeatable.ts'

it('what changes nothing, and what the proto or its meaning says of, may be called again', () => {
  expect(isRepeatable(ReadService.method.readFields, {})).toBe(true)
  expect(isRepeatable(DeliveryService.method.ack, {})).toBe(true)
  expect(isRepeatable(RegistrationService.method.register, {})).toBe(true)
})

it('what has an idempotency key may be called again, and not without one', () => {
  const { emit } = EventService.method
  expect(isRepeatable(emit, create(EmitRequestSchema, { idempotencyKey: 'k' }))).toBe(true)
  expect(isRepeatable(emit, create(EmitRequestSchema))).toBe(false)
})

it('what has no key, and does more when it is done twice, may not be called again, but for a dry run', () => {
  expect(isRepeatable(ScheduleService.method.backfillSchedule, create(BackfillScheduleRequestSchema))).toBe(false)
  const { replayDeadLetters } = DeadLetterService.method
  expect(isRepeatable(replayDeadLetters, create(ReplayDeadLettersRequestSchema))).toBe(false)
  expect(isRepeatable(replayDeadLetters, create(ReplayDeadLettersRequestSchema, { dryRun: true }))).toBe(true)
})
