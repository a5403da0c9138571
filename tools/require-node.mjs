// Plain JavaScript that old versions of Node can run: it stops them with one line.
import process from 'node:process'

const required = 26
const major = Number(process.versions.node.split('.')[0])
if (major < required) {
  process.stderr.write(
    `qcore needs Node ${required} or newer, this is ${process.versions.node}. ` +
      'Run it through npm (`npm start`, `npm test`, `npm run …`) after `npm ci`, which brings Node along.\n',
  )
  process.exit(1)
}
