import { accessVariables } from '@qcore/access'
import { databaseVariables, serviceVariables, variable, wholeNumber, type SettingsOf } from '@qcore/service'

/** The settings of the reader. */
export const readerVariables = {
  ...serviceVariables,
  ...databaseVariables,
  ...accessVariables,
  cacheBytes: variable(
    'Q_READER_CACHE_BYTES',
    wholeNumber(1_048_576, 68_719_476_736),
    'Bytes that a reader uses, about, to keep entities; a field of a number or a short text takes some 200.',
    { default: '268435456' },
  ),
  connections: variable(
    'Q_READER_CONNECTIONS',
    wholeNumber(2, 1_000),
    'Connections to PostgreSQL that a reader may open.',
    { default: '8' },
  ),
} as const

export type ReaderConfig = SettingsOf<typeof readerVariables>
