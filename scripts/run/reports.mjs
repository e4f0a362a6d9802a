/** Reads the report files of the two test runners. Pure. */

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} skipped
 * @property {string[]} failures one line for each failed test
 */

/**
 * `bun test --reporter=junit`. A file that failed to load, or has no test, is not in the report at
 * all.
 * @param {string} text empty when there is no report
 * @returns {Counts & { ranFiles: Set<string> }}
 */
export function readJunit(text) {
  const counts = { passed: 0, skipped: 0, failures: /** @type {string[]} */ ([]) }
  const ranFiles = /** @type {Set<string>} */ (new Set())
  for (const [, attributes = '', body = ''] of text.matchAll(
    /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const file = attribute(attributes, 'file').replaceAll('\\', '/')
    ranFiles.add(file)
    if (/<(?:failure|error)\b/.test(body)) {
      const name = [attribute(attributes, 'classname'), attribute(attributes, 'name')]
      counts.failures.push(`${file}: ${name.filter((each) => each !== '').join(' > ')}`)
    } else if (body.includes('<skipped')) counts.skipped += 1
    else counts.passed += 1
  }
  return { ...counts, ranFiles }
}

/**
 * @param {string} attributes
 * @param {string} name
 */
function attribute(attributes, name) {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? ''
  return value
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#10;', ' ')
    .replaceAll('&amp;', '&')
}

/**
 * `node --test --test-reporter=tap`. The runner counts a file without a test as one passed test
 * named like the file; here it is a failure.
 * @param {string} text empty when there is no report
 * @param {ReadonlySet<string>} files the files given to the runner, as given
 * @returns {Counts}
 */
export function readTap(text, files) {
  const totals = /** @type {Record<string, number>} */ ({})
  const ending = text.slice(text.lastIndexOf('\n1..'))
  for (const [, key = '', value] of ending.matchAll(
    /^# (pass|fail|cancelled|skipped|todo) (\d+)$/gm,
  )) {
    totals[key] = Number(value)
  }
  const failures = []
  let idleCount = 0
  for (const [, no, name = ''] of text.matchAll(/^ *(not )?ok \d+ - (.*?)(?: # \w+.*)?$/gm)) {
    const isFile = files.has(name)
    if (no === undefined && isFile) {
      idleCount += 1
      failures.push(`${name}: ran no test`)
    }
  }
  failures.push(...failedNames(text))
  const known = (totals['fail'] ?? 0) + (totals['cancelled'] ?? 0) + idleCount
  while (failures.length < known) failures.push('a test that the report does not name')
  return {
    passed: Math.max(0, (totals['pass'] ?? 0) - idleCount),
    skipped: (totals['skipped'] ?? 0) + (totals['todo'] ?? 0),
    failures,
  }
}

/**
 * Failed tests without the suites around them, which fail only because they do.
 * @param {string} text
 */
function failedNames(text) {
  const names = []
  const pattern = /^( *)not ok \d+ - (.*?)(?: # \w+.*)?\n\1 {2}---\n([\s\S]*?)\n\1 {2}\.\.\.$/gm
  for (const [, , name = '', details = ''] of text.matchAll(pattern)) {
    if (/failureType: 'subtestsFailed'/.test(details)) continue
    const location = /location: '(.*?)'/.exec(details)?.[1]
    names.push(location === undefined ? name : `${name} (${location})`)
  }
  return names
}
