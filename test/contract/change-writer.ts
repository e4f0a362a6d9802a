/**
 * Started by the tests that kill: makes one change on the SQLite store of a directory and ends
 * itself, as a power cut would, at the step of that number. Says each step and the acknowledgement
 * on standard output.
 */
import { readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import {
  loadKeyFile,
  replaceKeyFile,
} from '../../packages/server/src/adapters/master-key-file/key-file.ts'
import { openSqliteStore } from '../../packages/server/src/adapters/store-sqlite/store.ts'
import { openCoreWorld } from '../support/credential-core.ts'
import { steppingStore } from '../support/stepping-store.ts'
import { type Prepared, SCENARIOS } from './change-scenarios.ts'
import { REGIONS } from './records.ts'

const [dataDir = '', name, killAt = ''] = process.argv.slice(2)
const scenario = SCENARIOS.find((each) => each.name === name)
if (scenario === undefined) throw new Error('usage: bun change-writer.ts DATA_DIR SCENARIO STEP')

const armed = { isOn: false, count: 0 }

function say(line: string): void {
  writeSync(process.stdout.fd, `${line}\n`)
}

function step(what: string): void {
  if (!armed.isOn) return
  armed.count++
  say(`step ${armed.count} ${what}`)
  if (armed.count === Number(killAt)) process.kill(process.pid, 'SIGKILL')
}

const keyPath = join(dataDir, 'master.key')
const keyText = () => {
  const file = loadKeyFile(keyPath, () => '')
  if (!file.ok) throw new Error(file.detail)
  return file.value.text
}
const store = await openSqliteStore({ dataDir, regions: REGIONS })
const world = await openCoreWorld({
  store: steppingStore(store, step),
  keyText: keyText(),
  keySource: {
    kind: 'file',
    read: async () => keyText(),
    async write(after) {
      step('key file: before it is replaced')
      const replaced = replaceKeyFile(keyPath, { before: keyText(), after })
      if (!replaced.ok) throw new Error(replaced.detail)
      step('key file: replaced')
    },
  },
})
const prepared: Prepared = JSON.parse(readFileSync(join(dataDir, 'prepared.json'), 'utf8'))
armed.isOn = true
step('nothing was done')
if (!(await scenario.change(world, prepared))) throw new Error('the change was refused')
say('acknowledged')
step('acknowledged')
await store.close()
