/** Runs the program as a person does. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from './server.ts'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  /** Beside `PATH`; nothing else of this process is handed on. */
  readonly environment?: Readonly<Record<string, string>>
  readonly workingDir?: string
}

export interface RunningCommand {
  /** Of the launcher; the program is its child. */
  readonly pid: number
  readonly ended: Promise<Ended>
  /** What it printed so far. */
  output(): string
  /** To standard input, which stays open until `end`. */
  write(text: string): void
  end(): void
  /** As `head` does when it has read enough. */
  closeOutput(): void
  /** As a person does with Ctrl-C. */
  stop(): void
}

/** Starts it and waits for its end; standard input is empty. */
export function lockgate(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  const command = startCommand(args, options)
  command.end()
  return command.ended
}

export function startCommand(args: readonly string[], options: CommandOptions): RunningCommand {
  const bin = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: options.workingDir ?? repositoryRoot(),
    env: { PATH: process.env['PATH'], ...options.environment },
    stdio: 'pipe',
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.on('error', () => child.stdin.destroy()) // it may end without having read
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
  return {
    pid: child.pid ?? 0,
    ended,
    output: () => stdout,
    write: (text) => void child.stdin.write(text),
    end: () => void child.stdin.end(),
    closeOutput: () => child.stdout.destroy(),
    stop: () => void child.kill('SIGINT'),
  }
}

/** @returns what every user of the machine sees of a process and its children: their arguments. */
export function argumentsOf(pid: number): string[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  const pids = [pid, ...children.split(' ').filter(Boolean).map(Number)]
  return pids.map((each) => readFileSync(`/proc/${each}/cmdline`, 'utf8').replaceAll('\0', ' '))
}
