// The health check of the image: 0 when the services of this container are ready.
import process from 'node:process'

const address = process.env.Q_HEALTH_ADDR ?? '127.0.0.1:20010'
try {
  const response = await fetch(`http://${address}/readyz`, { signal: AbortSignal.timeout(1_500) })
  process.exitCode = response.ok ? 0 : 1
} catch {
  process.exitCode = 1
}
