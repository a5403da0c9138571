import { runApp, serviceVariables, text, variable } from '../src/index.ts'

const variables = {
  ...serviceVariables,
  secret: variable('Q_SAMPLE_SECRET', text(), 'A secret.', { secret: true }),
} as const

await runApp('sample', variables, async () => {
  const alive = setInterval(() => {}, 1_000)
  return {
    name: 'sample',
    checkHealth: async () => [{ name: 'self', ok: true, detail: '' }],
    async [Symbol.asyncDispose]() {
      clearInterval(alive)
      if (process.argv.includes('--hang')) await new Promise((resolve) => setTimeout(resolve, 60_000))
    },
  }
})
