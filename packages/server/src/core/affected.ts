/** Which live connections end with what they rest on. Pure over the state of the hub. */
import type { AppSpace } from './app-space.ts'
import type { Connection } from './connection.ts'
import { type Reliance, relianceOn, type RevocationTarget } from './reliance.ts'

/** @returns every connection of this node that ends with `target`; nothing is changed. */
export function affectedConnections(
  spaces: Iterable<AppSpace>,
  target: RevocationTarget,
): readonly Connection[] {
  return [...spaces].flatMap((space) => affectedIn(space, target))
}

function affectedIn(space: AppSpace, target: RevocationTarget): readonly Connection[] {
  switch (target.kind) {
    case 'app':
      return space.app.id === target.appId ? [...space.connections.values()] : []
    case 'tenant':
      return space.app.tenantId === target.tenantId ? [...space.connections.values()] : []
    case 'user':
      return space.app.id === target.appId ? space.users.connectionsOf(target.userId) : []
    case 'token':
    case 'family':
    case 'version':
    case 'credential': {
      const reliance = relianceOn(target)
      return [...space.connections.values()].filter((each) => restsOn(each, reliance))
    }
    default:
      return target satisfies never
  }
}

/** Whether the connection itself, a subscription of it or its sign-in came by `reliance`. */
function restsOn(connection: Connection, reliance: Reliance): boolean {
  if (connection.openedBy.includes(reliance) || connection.user?.restsOn === reliance) return true
  for (const subscription of connection.subscriptions.values()) {
    if (subscription.restsOn === reliance) return true
  }
  return false
}

/** How many connections of this node rest on a version, for the report of who still uses it. */
export function countResting(spaces: Iterable<AppSpace>, versionId: string): number {
  return affectedConnections(spaces, { kind: 'version', versionId }).length
}
