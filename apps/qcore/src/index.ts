export { describeSettings, launch, launcherVariables } from './launch.ts'
export { modes, parseModes } from './modes.ts'
export type { Mode } from './modes.ts'
