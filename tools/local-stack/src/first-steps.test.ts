import { expect, it } from 'vitest'
import { describeSystem, type DescribedSystem } from './first-steps.ts'

function said(dataFolder: string): string {
  const backing = { postgres: { source: 'p' }, nats: { source: 'n' } } as DescribedSystem['backing']
  return describeSystem({ url: 'http://a', token: 't', logFile: 'l', dataFolder, backing }, 1_000)
}

it('says where the data is if the command cannot know', () => {
  expect(said('/x/.qcore')).not.toContain('Q_DATA_DIR')
  expect(said('/x/other')).toContain("export Q_DATA_DIR='/x/other'\n  npm run qcore -- tree")
})
