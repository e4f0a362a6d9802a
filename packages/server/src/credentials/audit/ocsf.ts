/**
 * An audit row as an event of the Open Cybersecurity Schema Framework, so that log systems take it
 * without a parser of their own: https://schema.ocsf.io, version {@link OCSF_VERSION}. What the
 * framework has no field for is under `unmapped`. Pure.
 */
import type { AuditRow } from '../../ports/records/audit.ts'
import { eventClassOf, OCSF_VERSION } from './actions.ts'
import { isObject, parseJson } from './canonical-json.ts'

type Json = Readonly<Record<string, unknown>>

const SUCCESS = 1
const FAILURE = 2
/** A user type the framework does not list. */
const OTHER_TYPE = 99

/** @param origin the database of the row, and the version of the program. */
export function ocsfEvent(
  row: AuditRow,
  origin: { readonly database: string; readonly version: string },
): Json {
  const entry = readEntry(row.entry)
  const action = textOf(entry['action'])
  const { classUid, className, activityId, severityId } = eventClassOf(action)
  const { tenantId, seq, atMs, hash } = row
  const source = fieldsOf(entry['source'])
  const [ip, agent] = [textOf(source['ip']), textOf(source['agent'])]
  const status = entry['outcome'] === 'success' ? SUCCESS : FAILURE
  const { untilMs, requestId, before, after } = entry
  return {
    activity_id: activityId,
    category_uid: Math.floor(classUid / 1_000),
    class_uid: classUid,
    class_name: className,
    type_uid: classUid * 100 + activityId,
    severity_id: severityId,
    time: atMs,
    status_id: status,
    ...optional('status_detail', entry['reason']),
    ...optional('count', entry['count']),
    ...(untilMs === undefined ? {} : { start_time: atMs, end_time: untilMs }),
    message: action,
    metadata: {
      version: OCSF_VERSION,
      product: { name: 'Lockgate', vendor_name: 'Lockgate', version: origin.version },
      uid: `${tenantId}/${origin.database}/${seq}`,
      tenant_uid: tenantId,
      event_code: action,
      sequence: seq,
      ...optional('correlation_uid', requestId),
    },
    actor: { user: actorOf(fieldsOf(entry['actor'])) },
    ...(ip === '' ? {} : { src_endpoint: { ip } }),
    ...(agent === '' ? {} : { http_request: { user_agent: agent } }),
    ...subjectOf(classUid, entry),
    unmapped: {
      database: origin.database,
      hash,
      outcome: entry['outcome'],
      ...optional('protocol', source['protocol']),
      ...optional('before', before),
      ...optional('after', after),
    },
  }
}

/** What the class of the event requires beside the fields of every event. */
function subjectOf(classUid: number, entry: Json): Json {
  const target = fieldsOf(entry['target'])
  const named = optional('name', target['name'])
  const subject = { uid: textOf(target['id']), type: textOf(target['kind']), ...named }
  const user = { ...subject, type_id: OTHER_TYPE }
  switch (classUid) {
    case 3001:
      return { user }
    case 3002:
      return { user, service: { name: 'Lockgate' } }
    case 3004:
      return { entity: subject, ...optional('comment', entry['reason']) }
    case 3005:
      return { user, privileges: [textOf(fieldsOf(entry['after'])['role'])] }
    default:
      return { api: { operation: textOf(entry['action']) }, resources: [subject] }
  }
}

function actorOf(actor: Json): Json {
  const kind = textOf(actor['kind'])
  const id = textOf(actor['id'])
  return { uid: id === '' ? kind : id, type: kind, type_id: OTHER_TYPE }
}

/** @returns no field for a row whose text was spoilt: it is exported all the same. */
function readEntry(text: string): Json {
  return fieldsOf(parseJson(text))
}

function fieldsOf(value: unknown): Json {
  return isObject(value) ? value : {}
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function optional(name: string, value: unknown): Json {
  return value === undefined ? {} : { [name]: value }
}
