/**
 * Makes the one `Config`: defaults < file < environment < flags, every problem reported together.
 * Pure but for the given `readFile`; only `cli/` reads the real environment.
 */
import { readAlertRules } from './alert-rules.ts'
import { checkTogether } from './checks.ts'
import type { Config } from './config.ts'
import { type ConfigFile, readDocument } from './document.ts'
import { type Layer, readEnvironmentLayer, readFileLayer, readFlagLayer } from './layers.ts'
import { type Problem, Review } from './problem.ts'
import { SETTING_ROWS, type SECTIONS } from './schema.ts'
import type { ReadFile } from './secrets.ts'
import { readInstallationPlans, readOperatorKeys, readRegions } from './sections.ts'
import { deepFreeze, defaultOf, type Setting, type SettingValue } from './settings.ts'
import { readTenants } from './tenants.ts'
import { parseValue } from './values.ts'

export interface LoadInput {
  readonly file?: ConfigFile | undefined
  /** Absolute folder of the file; relative paths in it start here. */
  readonly fileFolder?: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  /** By name without the dashes: `listen-http`. */
  readonly flags: Readonly<Record<string, string | boolean>>
  /** Absolute; relative paths of environment, flags and defaults start here. */
  readonly workingFolder: string
  readonly readFile: ReadFile
}

type Settings = Omit<Config, (typeof SECTIONS)[number]>

export type LoadOutcome =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** @returns the complete, checked, frozen configuration, or every problem there is with it. */
export async function loadConfig(input: LoadInput): Promise<LoadOutcome> {
  const review = new Review()
  const { file, readFile, workingFolder } = input
  const outside = { review, readFile, folder: workingFolder }
  const inside = { ...outside, folder: input.fileFolder ?? workingFolder }
  const fileName = file?.name ?? ''
  const root = file === undefined ? undefined : await readDocument(file, review)
  const fromFile = readFileLayer(root, fileName, inside)
  const { layer, signingSecrets } = readEnvironmentLayer(input.environment, outside)
  const given: Layer = new Map([...fromFile, ...layer, ...readFlagLayer(input.flags, outside)])
  const used = new Map<string, string>()
  const sections = { ...inside, fileName, signingSecrets, used }
  const operatorKeys = readOperatorKeys(root, sections)
  const regions = readRegions(root, sections)
  const plans = readInstallationPlans(root, sections)
  const alertRules = readAlertRules(root, sections)
  const defaultRegion = regions[0]?.code ?? ''
  const tenants = readTenants(root, { ...sections, defaultRegion })
  const settings = assemble(given, workingFolder)
  const config: Config = { ...settings, operatorKeys, regions, plans, alertRules, tenants }
  checkTogether(config, review)
  if (review.problems.length > 0) return { ok: false, problems: review.problems }
  return { ok: true, config: deepFreeze(config) }
}

/** Puts the values into the shape of `Config`; the table has a row for each of its keys. */
function assemble(given: Layer, folder: string): Settings {
  const mode = given.get('mode') === 'production' ? 'production' : 'development'
  const top: Record<string, unknown> = {}
  for (const [key, row] of SETTING_ROWS) {
    const value = given.get(key) ?? readDefault(row, mode, folder)
    const [group = '', name] = key.split('.')
    if (name === undefined) top[group] = value
    else top[group] = { ...(top[group] as object | undefined), [name]: value }
  }
  const hasTls = given.has('tls.certFile') && given.has('tls.keyFile')
  const masterKeyFile = given.get('masterKeyFile') || undefined
  const tls = hasTls ? top['tls'] : undefined
  return { ...top, masterKeyFile, tls } as unknown as Settings
}

function readDefault(row: Setting, mode: Config['mode'], folder: string): SettingValue | undefined {
  const raw = defaultOf(row, mode)
  if (raw === undefined) return undefined
  const parsed = parseValue(row, raw, { isText: false, folder })
  return parsed.ok ? parsed.value : undefined
}
