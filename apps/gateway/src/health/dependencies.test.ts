import { expect, it } from 'vitest'
import { platformServices } from '../forward/platform-services.ts'
import { serverOfService } from './dependencies.ts'

it('of every service of the platform it is known who serves it', () => {
  expect(Object.keys(serverOfService).sort()).toEqual(platformServices.map(({ typeName }) => typeName).sort())
})
