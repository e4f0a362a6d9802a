/**
 * Chooses the adapters of what is outside of the process and of nothing else: the master key, the
 * store, the witnesses of the audit log, the exporter of metrics.
 */
import { createNodeFetcher } from './adapters/fetcher-node/fetcher.ts'
import { runMasterKeyCommand } from './adapters/master-key-file/key-command.ts'
import { loadKeyFile, replaceKeyFile } from './adapters/master-key-file/key-file.ts'
import { openMemoryStore } from './adapters/store-memory/store.ts'
import { CONTROL_DATABASE_FILE } from './adapters/store-sqlite/file-names.ts'
import { openSqliteStore } from './adapters/store-sqlite/store.ts'
import { systemRandom as random } from './adapters/system/random.ts'
import { openFileWitness } from './adapters/witness-file/witness-file.ts'
import { openHttpWitness } from './adapters/witness-http/witness-http.ts'
import { WITNESS_NETWORKS } from './assembly/audit-core.ts'
import { masterKeySource } from './assembly/master-key.ts'
import { orStop } from './assembly/or-stop.ts'
import type { Config } from './config/config.ts'
import { parseMasterKey } from './credentials/master-key.ts'
import { MasterKeyRing } from './credentials/master-key-ring.ts'
import type { MasterKeySource } from './ports/master-key-source.ts'
import type { MetricDefinitions, MetricsExporter } from './ports/metrics.ts'
import type { Store } from './ports/store.ts'
import type { Witness } from './ports/witness.ts'

export function masterKeySourceOf(config: Config): MasterKeySource {
  return masterKeySource(config, {
    random,
    controlDatabaseFile: CONTROL_DATABASE_FILE,
    loadFile: loadKeyFile,
    replaceFile: replaceKeyFile,
    runCommand: runMasterKeyCommand,
  })
}

/** @throws StartProblem where the key is none. */
export async function readMasterKey(source: MasterKeySource): Promise<MasterKeyRing> {
  return new MasterKeyRing(orStop(parseMasterKey(await source.read())))
}

export async function openStore(config: Config): Promise<Store> {
  const regions = config.regions.map(({ code, dbCode }) => ({ region: code, dbCode }))
  return config.store === 'memory'
    ? openMemoryStore(regions)
    : openSqliteStore({
        dataDir: config.dataDir,
        regions,
        sessionDurability: config.mqtt.durability,
      })
}

/** The operator chose them, so they may well be inside. */
export function witnessesOf({ audit }: Config): readonly Witness[] {
  const { witnessFile, witnessUrl } = audit
  const file = witnessFile === undefined ? [] : [openFileWitness(witnessFile)]
  if (witnessUrl === undefined) return file
  const fetcher = createNodeFetcher({ allowedNetworks: WITNESS_NETWORKS })
  return [...file, openHttpWitness(witnessUrl, fetcher)]
}

/** The exporter is loaded when somebody asks: it is a sixth of what a start would take. */
export async function exportMetrics(
  parts: readonly (() => readonly MetricDefinitions[])[],
): Promise<MetricsExporter> {
  const { promMetrics } = await import('./adapters/metrics-prom/metrics-prom.ts')
  const all = parts.flatMap((metrics) => metrics())
  const plain = all.flatMap((each) => each.plain)
  return promMetrics({ plain, labelled: all.flatMap((each) => each.labelled) })
}
