// Prints the counts of the last test run as one line: `N passed, N failed, N skipped`.
import { readFileSync } from 'node:fs'
import process from 'node:process'

const file = '.qcore/test-report.json'
try {
  const report = JSON.parse(readFileSync(file, 'utf8'))
  const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped } = report
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  if (passed === 0 || failed > 0) process.exitCode = 1
} catch (error) {
  process.stderr.write(`no test report in ${file}: ${error.message}\n`)
  process.exitCode = 1
}
