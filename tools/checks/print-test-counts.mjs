// Prints the tests of the last run that passed only when they were tried again, and its counts as one line:
// `N passed, N failed, N skipped`.
import { readFileSync } from 'node:fs'
import process from 'node:process'

const file = '.qcore/test-report.json'
try {
  const report = JSON.parse(readFileSync(file, 'utf8'))
  const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped } = report
  const triedAgain = report.testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status, failureMessages }) => status === 'passed' && failureMessages.length > 0),
  )
  for (const { fullName, failureMessages } of triedAgain) {
    process.stdout.write(`tried again: ${fullName}\n  ${failureMessages[0].split('\n', 1)[0]}\n`)
  }
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  if (passed === 0 || failed > 0) process.exitCode = 1
} catch (error) {
  process.stderr.write(`no test report in ${file}: ${error.message}\n`)
  process.exitCode = 1
}
