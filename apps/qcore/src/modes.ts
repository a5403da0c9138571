import { QError } from '@qcore/errors'

/** The services that a process can run. */
export const modes = ['auth', 'reader', 'writer', 'notifier', 'scheduler', 'gateway'] as const

export type Mode = (typeof modes)[number]

/**
 * The modes of a comma-separated list, without repeats, in the order in which they are started.
 *
 * @throws QError `configuration`
 */
export function parseModes(list: string): Mode[] {
  const words = list
    .split(',')
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== '')
  const unknown = words.find((word) => !modes.some((mode) => mode === word))
  if (unknown !== undefined || words.length === 0) {
    const what = unknown === undefined ? 'names no mode' : `has an unknown mode ${JSON.stringify(unknown)}`
    throw new QError('configuration', `Q_MODES ${what}; the modes are ${modes.join(', ')}`, { field: 'Q_MODES' })
  }
  return modes.filter((mode) => words.includes(mode))
}
