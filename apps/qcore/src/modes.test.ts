import { QError } from '@qcore/errors'
import { describe, expect, it } from 'vitest'
import { modes, parseModes } from './modes.ts'

describe('parseModes', () => {
  it('trims, ignores case and repeats, and starts what others need first', () => {
    expect(parseModes(' Gateway, READER ,reader,')).toEqual(['reader', 'gateway'])
  })

  it.each(['reader,wrter', '', ' , '])('refuses %j and names the modes', (list) => {
    expect(() => parseModes(list)).toThrowError(
      expect.objectContaining({
        code: 'configuration',
        field: 'Q_MODES',
        message: expect.stringContaining(modes.join(', ')),
      }),
    )
    expect(() => parseModes(list)).toThrow(QError)
  })
})
