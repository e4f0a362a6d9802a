/**
 * What a start makes before anybody connects: what the configuration declares, the first operator
 * and the demo. It chooses the adapters of those, like `compose.ts` does of the rest.
 */
import { join } from 'node:path'
import { loadDemoAssets } from './adapters/demo-assets/demo-assets.ts'
import { openExamplePages } from './adapters/example-pages/example-pages.ts'
import {
  readOperatorKeyFile,
  writeOperatorKeyFile,
} from './adapters/operator-key-file/operator-key-file.ts'
import type { CredentialCore } from './assembly/credential-core.ts'
import { declarationsOf } from './assembly/declarations.ts'
import { orStop } from './assembly/or-stop.ts'
import { DEFAULT_APP_SETTINGS } from './config/app-schema.ts'
import type { Config } from './config/config.ts'
import { applyDeclarations } from './credentials/declaration/declare.ts'
import {
  createDemoTenant,
  DEMO_TENANT_SHORT_ID,
  type DemoCredentials,
} from './credentials/demo-tenant.ts'
import { ensureFirstOperator } from './credentials/first-operator.ts'
import { type DemoDeps, DemoPage } from './http/demo/demo-page.ts'
import type { ExamplesDeps } from './http/examples/example-route.ts'

/** Brings in what the configuration declares, and at a first start what nobody else would make. */
export async function provision(
  config: Config,
  core: CredentialCore,
): Promise<DemoCredentials | undefined> {
  const { administration, revocations } = core
  const deps = { administration, revocations }
  orStop(await applyDeclarations(declarationsOf(config), deps))
  if (config.store === 'sqlite') {
    const path = join(config.dataDir, 'operator.key')
    const place = {
      read: () => readOperatorKeyFile(path),
      write: (value: string) => writeOperatorKeyFile(path, value),
    }
    await ensureFirstOperator(place, administration)
  }
  const region = config.regions[0]?.code
  if (!config.demo || region === undefined) return undefined
  const settings = {
    ...DEFAULT_APP_SETTINGS,
    clientMessages: true,
    watchlist: true,
    subscriptionCount: true,
  }
  return createDemoTenant({ region, settings }, deps)
}

/** The pages that show what the server does; each is undefined where there is nothing to show. */
export async function demoPages(
  config: Config,
  { authority, administration }: CredentialCore,
  parts: Pick<DemoDeps, 'hub' | 'guard'>,
): Promise<{ readonly demo: DemoPage | undefined; readonly examples: ExamplesDeps | undefined }> {
  const apps = [...authority.apps.apps()]
  const app = apps.find(({ tenant }) => tenant.shortId === DEMO_TENANT_SHORT_ID)
  if (!config.demo || app === undefined) return { demo: undefined, examples: undefined }
  const demo = new DemoPage({ app, ...parts, assets: await loadDemoAssets() })
  const pages = openExamplePages()
  const { clock, random } = administration
  const shown = { appId: app.app.id, directory: authority.apps, guard: parts.guard, clock, random }
  return { demo, examples: pages && { ...shown, pages } }
}
