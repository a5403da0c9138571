import { killLeader, pauseLeader, stopLeader } from './leader.ts'
import type { Scenario } from './scenario.ts'

/** In the order of the table. */
export const allScenarios: readonly Scenario[] = [killLeader, stopLeader, pauseLeader]
