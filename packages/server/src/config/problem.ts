/**
 * What is wrong with a configuration, gathered until everything has been looked at.
 * No text here ever quotes a given value: it could be a secret in the wrong place.
 */

export interface Problem {
  /** `lockgate.yaml:3 listen.http`, a variable such as `LOCKGATE_LISTEN_HTTP`, or a flag. */
  readonly where: string
  readonly what: string
  /** What to do about it, as an imperative. */
  readonly next: string
}

/** What is wrong, before it is known where. */
export type Objection = Omit<Problem, 'where'>

/** Our bound: past it the file is not one of ours, and a longer list helps nobody. */
export const PROBLEM_COUNT_MAX = 100

/** Collects problems, and remembers where each key path came from and which of them failed. */
export class Review {
  readonly problems: Problem[] = []
  readonly #places = new Map<string, string>()
  readonly #failed = new Set<string>()
  readonly #paths = new WeakMap<object, string>()

  /** Whether further problems are left out; the last one listed says so. */
  get isFull(): boolean {
    return this.problems.length >= PROBLEM_COUNT_MAX
  }

  report(problem: Problem): void {
    if (this.isFull) return
    this.problems.push(problem)
    if (this.problems.length < PROBLEM_COUNT_MAX - 1) return
    const what = 'there are more problems than are listed'
    this.problems.push({ where: 'configuration', what, next: 'correct these first' })
  }

  /** Remembers that `path` was given at `where`; a later layer replaces an earlier one. */
  place(path: string, where: string): void {
    this.#places.set(path, where)
  }

  /** Reports an objection to the value at `path` and marks the path as failed. */
  object(path: string, objection: Objection): void {
    this.#failed.add(path)
    this.report({ where: this.whereOf(path), ...objection })
  }

  /** Remembers the key path a declaration was read from. @returns the declaration. */
  locate<T extends object>(declaration: T, path: string): T {
    this.#paths.set(declaration, path)
    return declaration
  }

  /** @param name a field of the declaration. @returns its key path. */
  pathOf(declaration: object, name: string): string {
    return `${this.#paths.get(declaration) ?? 'tenants'}.${name}`
  }

  /** Whether `path` was given at all, well or badly. */
  isGiven(path: string): boolean {
    return this.#places.has(path)
  }

  /** Whether nothing was wrong with `path` so far; checks of several values skip the others. */
  isSound(path: string): boolean {
    return !this.#failed.has(path)
  }

  whereOf(path: string): string {
    return this.#places.get(path) ?? path
  }
}

/** @returns one line, for a person. */
export function formatProblem(problem: Problem): string {
  return `${problem.where}: ${problem.what}; ${problem.next}`
}

/** Longest foreign key name shown; the rest is cut. */
const SHOWN_NAME_MAX = 64

/** @returns a name from outside, safe to print: cut, and without control characters. */
export function showName(name: string): string {
  const shown = name.replaceAll(/[^\x20-\x7e]/g, '?')
  return shown.length > SHOWN_NAME_MAX ? `${shown.slice(0, SHOWN_NAME_MAX)}…` : shown
}

/** @returns what to do about an unknown name: the nearest known one, if one is near. */
export function suggest(name: string, known: readonly string[], all: string): string {
  if (name.length > SHOWN_NAME_MAX) return `remove it; ${all}`
  const limit = Math.max(2, Math.floor(name.length / 4))
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
  const nearest = ranked[0]?.candidate
  return nearest === undefined ? `remove it; ${all}` : `did you mean \`${nearest}\`?`
}

/** Levenshtein distance; both lengths are bounded by the callers. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const swap = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(swap, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
