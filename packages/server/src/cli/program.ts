/** The command line: commands, flags, help and exit codes. Commands are loaded when they run. */
import { Command, CommanderError } from 'commander'
import { version } from '../../package.json'
import type { Shell } from './completion-tree.ts'
import { EXIT_CONFIGURATION, EXIT_OK } from './exit.ts'
import { addSettingFlags, givenFlags } from './flags.ts'

const CONFIG_FLAG = '--config <file>'
const CONFIG_TEXT = 'The configuration file, YAML or JSON. [LOCKGATE_CONFIG]'

const EXAMPLES = {
  program: `
Examples:
  lockgate serve                               embedded defaults and a demo app, on loopback only
  lockgate serve --config lockgate.yaml        what the file says
  lockgate check-config --config lockgate.yaml the same configuration, shown and not started
  lockgate apps list                           what a running server has
  lockgate keys create APP --name backend      a key for a backend, shown once
  lockgate rotate CREDENTIAL --overlap 1h      a new value; the old one works for another hour
  lockgate revoke CREDENTIAL --reason leaked   an end, for everything that came by it

Exit codes: 0 done, 1 failed at run time, 2 wrong configuration or command line.`,
  serve: `
Every flag has a key in the file and a variable, named in brackets. Flags win over variables,
variables over the file. A secret is never a flag; its file may be.

Examples:
  lockgate serve --listen-http 0.0.0.0:8080 --data-dir /var/lib/lockgate
  lockgate serve --config lockgate.yaml --log-level debug
  LOCKGATE_MODE=production LOCKGATE_MASTER_KEY_FILE=/run/secrets/master lockgate serve

SIGTERM, SIGINT or SIGHUP drains and ends with 0; another one, a second or more later, ends at once
with 1.`,
  checkConfig: `
Prints the effective configuration with secrets as ***, or every problem at once.

Examples:
  lockgate check-config --config lockgate.yaml
  lockgate check-config --config lockgate.json --json
  lockgate check-config --mode production --config lockgate.yaml`,
  keysGenerate: `
Prints one new value on standard output and nothing else; needs no server. Types: sk, pk and rk for
API keys, op for operator keys, whsec for webhook secrets, client-secret.

Examples:
  lockgate keys generate --type sk
  lockgate keys generate --type op > operator.key`,
  completion: `
Examples:
  source <(lockgate completion bash)
  lockgate completion zsh > "\${fpath[1]}/_lockgate"
  lockgate completion fish > ~/.config/fish/completions/lockgate.fish`,
} as const

/** @returns the exit code, once the command has ended. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT_OK
  const program = createProgram((code) => {
    exitCode = code
  })
  if (!isOffline(args)) {
    const { addAdminCommands } = await import('./admin/commands.ts')
    addAdminCommands(program, (code) => {
      exitCode = code
    })
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? EXIT_OK : EXIT_CONFIGURATION
  }
}

/**
 * Whether the commands of the administration are not needed, so that their table and what checks it
 * is not loaded: a server starts without them.
 */
function isOffline([first = '', second = '']: readonly string[]): boolean {
  if (first === 'keys') return second === 'generate'
  return ['serve', 'check-config', 'version', '--version', '-V'].includes(first)
}

/** @param report takes the exit code of the command that ran. */
function createProgram(report: (exitCode: number) => void): Command {
  const program = new Command('lockgate')
    .description('Self-hosted realtime server for unmodified Pusher and MQTT clients.')
    .version(version, '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print this help.')
    .helpCommand('help [command]', 'Print the help of a command.')
    .addHelpText('after', EXAMPLES.program)
    .showHelpAfterError('(--help shows what there is)')
    .exitOverride()
  const serve = program
    .command('serve')
    .description('Run the server.')
    .option(CONFIG_FLAG, CONFIG_TEXT)
    .addHelpText('after', EXAMPLES.serve)
    .action(async (_options: unknown, command: Command) => {
      const { serve: run } = await import('./serve.ts')
      report(await run(givenTo(command)))
    })
  const checkConfig = program
    .command('check-config')
    .description('Check a configuration and print it.')
    .option(CONFIG_FLAG, CONFIG_TEXT)
    .option('--json', 'Print JSON, the configuration as well as the problems.')
    .addHelpText('after', EXAMPLES.checkConfig)
    .action(async (options: { json?: true }, command: Command) => {
      const { checkConfig: run } = await import('./check-config.ts')
      report(await run({ ...givenTo(command), asJson: options.json === true }))
    })
  for (const command of [serve, checkConfig]) addSettingFlags(command)
  const keys = program.command('keys').description('API keys, and well-formed values made offline.')
  keys
    .command('generate')
    .description('Print one new, well-formed value.')
    .requiredOption('--type <type>', 'sk, pk, rk, op, whsec or client-secret.')
    .addHelpText('after', EXAMPLES.keysGenerate)
    .action(async ({ type }: { type: string }, command: Command) => {
      const { generateKeyOfType, KEY_TYPE_NAMES } = await import('./keys.ts')
      const value = generateKeyOfType(type)
      if (value === undefined) command.error(`error: --type is one of ${KEY_TYPE_NAMES.join(', ')}`)
      process.stdout.write(`${value}\n`)
    })
  program
    .command('completion')
    .description('Print a script that completes commands and flags in a shell.')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText('after', EXAMPLES.completion)
    .action(async (shell: string, _options: unknown, command: Command) => {
      const { SHELLS } = await import('./completion-tree.ts')
      const { completionScript } = await import('./completion.ts')
      if (!SHELLS.includes(shell as Shell)) command.error(`error: use ${SHELLS.join(', ')}`)
      process.stdout.write(completionScript(program, shell as Shell))
    })
  program
    .command('version')
    .description('Print the versions of Lockgate and of its runtime.')
    .action(() => {
      const runtime = `Bun ${process.versions.bun ?? '?'}, ${process.platform} ${process.arch}`
      process.stdout.write(`lockgate ${version} (${runtime})\n`)
    })
  return program
}

function givenTo(command: Command) {
  const { config } = command.opts<{ config?: string }>()
  return { configPath: config, flags: givenFlags(command) }
}
